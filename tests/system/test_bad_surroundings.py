"""No git, no repository, no room, no permission, somebody else at work: told in one line, and nothing has changed."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from huskies_core.pipeline.stages import StageName
from support.cli import HUSKIES, Finished, run_huskies
from support.git_repository import GitRepository
from system.project import MakePipeline, Pipeline, Team
from system.whole_project import whole

pytestmark = pytest.mark.system

COMMANDS = ("add x -c c", "list", "tick", "reconcile", "show 1", "config check")


def assert_told(told: Finished, exit_code: int, said: str) -> None:
    lines = told.stderr.splitlines()
    assert (told.exit_code, told.stdout, said in told.stderr, len(lines) <= 2) == (
        exit_code,
        "",
        True,
        True,
    ), told


def code_of(told: Finished) -> tuple[int, list[str], str]:
    """The exit code, the codes of the errors in the envelope, and what else was said."""
    return told.exit_code, [error["code"] for error in told.json()["errors"]], told.stderr


@pytest.mark.parametrize("command", [*COMMANDS, "init"])
def test_where_no_repository_is_there_is_no_project(tmp_path: Path, command: str) -> None:
    assert_told(run_huskies(*command.split(), cwd=tmp_path), 4, "is not in a git repository")
    told = run_huskies("--json", *command.split(), cwd=tmp_path)
    assert (code_of(told), list(tmp_path.iterdir())) == ((4, ["no_project"], ""), [])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_repository_without_init_is_no_project(repository: GitRepository, command: str) -> None:
    before = whole(repository)
    assert_told(run_huskies(*command.split(), cwd=repository.root), 4, "Run 'huskies init' there first.")
    assert whole(repository) == before


@pytest.mark.parametrize("command", ["init", "add x -c c", "tick"])
def test_a_bare_repository_and_its_worktrees_are_no_project(
    repository: GitRepository, tmp_path: Path, command: str
) -> None:
    bare, linked = tmp_path / "bare.git", tmp_path / "linked"
    repository.git("clone", "--quiet", "--bare", str(repository.root), str(bare))
    repository.git("worktree", "add", "--quiet", str(linked), cwd=bare)
    for place in (bare, linked):
        assert_told(run_huskies(*command.split(), cwd=place), 4, "is a bare repository")
    assert not list(tmp_path.glob("*/.huskies"))


def test_a_repository_without_commits_is_refused(tmp_path: Path) -> None:
    empty = GitRepository(tmp_path / "empty", commits=False)
    assert_told(run_huskies("init", cwd=empty.root), 1, "the repository has no commits")
    told = run_huskies("init", "--json", cwd=empty.root)
    assert (code_of(told), (empty.root / ".huskies").exists()) == ((1, ["no_commits_yet"], ""), False)


@pytest.fixture
def without_git(tmp_path: Path) -> dict[str, str]:
    """A PATH with no git on it."""
    programs = tmp_path / "programs"
    programs.mkdir()
    return {"PATH": str(programs)}


@pytest.fixture
def with_old_git(without_git: dict[str, str]) -> dict[str, str]:
    old = Path(without_git["PATH"], "git")
    old.write_text("#!/bin/sh\necho git version 2.30.2\n")
    old.chmod(0o755)
    return without_git


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    return make_pipeline(settings="max_coders = 1", gates={})


@pytest.mark.parametrize("command", ["init", "tick", "reconcile", "auto-assign"])
@pytest.mark.parametrize(("surroundings", "code"), [("without_git", "no_git"), ("with_old_git", "old_git")])
def test_a_git_that_is_missing_or_too_old_is_told(
    request: pytest.FixtureRequest, pipeline: Pipeline, surroundings: str, code: str, command: str
) -> None:
    """The work stays where it is, and goes on once git is there."""
    env = request.getfixturevalue(surroundings)
    story = pipeline.add()
    refs = pipeline.repository.refs()
    told = pipeline.huskies(*command.split(), "--json", env=env)
    codes = {error["code"] for error in told.json()["errors"]}
    assert (told.exit_code, codes, told.stderr) == (1, {code}, ""), told
    assert (pipeline.stages(), pipeline.runs(), pipeline.repository.refs()) == (
        {story: StageName.CODING},
        (),
        refs,
    )
    assert pipeline.huskies("auto-assign").exit_code == 0
    pipeline.wait_for(story)


def test_a_store_that_another_process_keeps_is_waited_for_and_then_given_up(pipeline: Pipeline) -> None:
    before = whole(pipeline.repository)
    with pipeline.project.state_lock.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = pipeline.huskies("add", "x", "-c", "c", "--json")
        read = pipeline.huskies("list", "--json")
    assert (code_of(told), read.exit_code) == ((75, ["busy"], ""), 0)
    assert whole(pipeline.repository) == before


def without_privileges() -> list[str]:
    """What makes root obey the modes of files, too; nothing for others, who do."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to give that up")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]


@pytest.mark.parametrize(
    "command", ["add x -c c", "update 1 --title y", "start 1", "tick", "reconcile", "init"]
)
def test_a_folder_that_may_not_be_written_in_is_told(pipeline: Pipeline, command: str) -> None:
    story = pipeline.add()
    before = whole(pipeline.repository)
    folders = [pipeline.project.state_dir, *(p for p in pipeline.project.state_dir.rglob("*"))]
    modes = {path: path.stat().st_mode for path in folders}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        told = run_as([*without_privileges(), str(HUSKIES), *command.split(), "--json"], pipeline.root)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    codes = {error["code"] for error in told.json()["errors"]}
    assert (told.exit_code, told.stderr) == (1, ""), told
    assert codes <= {"permission_denied", "store_unusable", "read_only"}, told
    assert (whole(pipeline.repository), pipeline.story(story).id) == (before, story)


def run_as(argv: list[str], cwd: Path) -> Finished:
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return Finished(done.returncode, done.stdout, done.stderr)


def test_without_bubblewrap_nothing_is_started(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline(team=Team(extra='sandbox = "bwrap"'))
    story = pipeline.add()
    poor = tmp_path / "bin"
    poor.mkdir()
    for name in ("git", "env"):
        (poor / name).symlink_to(str(shutil.which(name)))
    refused = pipeline.huskies("agent", "start", str(story), env={"PATH": str(poor)})
    checked = pipeline.huskies("config", "check", env={"PATH": str(poor)})
    said = "the sandbox of coder-1 does not work: bwrap is not on PATH"
    assert (refused.exit_code, refused.stderr.splitlines()[0], pipeline.runs()) == (
        1,
        f"huskies: {said}",
        (),
    )
    assert "agent coder-1: no sandbox: bwrap is not on PATH" in checked.stderr
