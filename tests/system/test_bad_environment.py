"""Without git, repository, permission or the lock, each command prints one line and changes nothing."""

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


def assert_error(result: Finished, exit_code: int, message: str) -> None:
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, message in result.stderr, len(lines) <= 2) == (
        exit_code,
        "",
        True,
        True,
    ), result


def code_of(result: Finished) -> tuple[int, list[str], str]:
    """Return the exit code, the codes of the errors in the envelope, and stderr."""
    return result.exit_code, [error["code"] for error in result.json()["errors"]], result.stderr


@pytest.mark.parametrize("command", [*COMMANDS, "init"])
def test_a_directory_without_a_repository_is_no_project(tmp_path: Path, command: str) -> None:
    assert_error(run_huskies(*command.split(), cwd=tmp_path), 4, "is not in a git repository")
    result = run_huskies("--json", *command.split(), cwd=tmp_path)
    assert (code_of(result), list(tmp_path.iterdir())) == ((4, ["no_project"], ""), [])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_repository_without_init_is_no_project(repository: GitRepository, command: str) -> None:
    before = whole(repository)
    assert_error(run_huskies(*command.split(), cwd=repository.root), 4, "Run 'huskies init' there first.")
    assert whole(repository) == before


@pytest.mark.parametrize("command", ["init", "add x -c c", "tick"])
def test_a_bare_repository_and_its_worktrees_are_no_project(
    repository: GitRepository, tmp_path: Path, command: str
) -> None:
    bare, linked = tmp_path / "bare.git", tmp_path / "linked"
    repository.git("clone", "--quiet", "--bare", str(repository.root), str(bare))
    repository.git("worktree", "add", "--quiet", str(linked), cwd=bare)
    for directory in (bare, linked):
        assert_error(run_huskies(*command.split(), cwd=directory), 4, "is a bare repository")
    assert not list(tmp_path.glob("*/.huskies"))


def test_a_repository_without_commits_is_refused(tmp_path: Path) -> None:
    empty = GitRepository(tmp_path / "empty", commits=False)
    assert_error(run_huskies("init", cwd=empty.root), 1, "the repository has no commits")
    result = run_huskies("init", "--json", cwd=empty.root)
    assert (code_of(result), (empty.root / ".huskies").exists()) == ((1, ["no_commits_yet"], ""), False)


@pytest.fixture
def without_git(tmp_path: Path) -> dict[str, str]:
    """Return a PATH without git."""
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
@pytest.mark.parametrize(("fixture", "code"), [("without_git", "no_git"), ("with_old_git", "old_git")])
def test_a_missing_or_old_git_is_an_error(
    request: pytest.FixtureRequest, pipeline: Pipeline, fixture: str, code: str, command: str
) -> None:
    """The work is not changed, and continues with git."""
    env = request.getfixturevalue(fixture)
    story = pipeline.add()
    refs = pipeline.repository.refs()
    result = pipeline.huskies(*command.split(), "--json", env=env)
    codes = {error["code"] for error in result.json()["errors"]}
    assert (result.exit_code, codes, result.stderr) == (1, {code}, ""), result
    assert (pipeline.stages(), pipeline.runs(), pipeline.repository.refs()) == (
        {story: StageName.CODING},
        (),
        refs,
    )
    assert pipeline.huskies("auto-assign").exit_code == 0
    pipeline.wait_for(story)


def test_a_command_waits_for_a_locked_store_and_then_fails(pipeline: Pipeline) -> None:
    before = whole(pipeline.repository)
    with pipeline.project.state_lock.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = pipeline.huskies("add", "x", "-c", "c", "--json")
        read = pipeline.huskies("list", "--json")
    assert (code_of(result), read.exit_code) == ((75, ["busy"], ""), 0)
    assert whole(pipeline.repository) == before


def without_privileges() -> list[str]:
    """Return a prefix that makes root respect the modes of files; empty for other users."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root ignores file modes, and setpriv is missing")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]


@pytest.mark.parametrize(
    "command", ["add x -c c", "update 1 --title y", "start 1", "tick", "reconcile", "init"]
)
def test_a_state_folder_without_write_permission_is_an_error(pipeline: Pipeline, command: str) -> None:
    story = pipeline.add()
    before = whole(pipeline.repository)
    folders = [pipeline.project.state_dir, *(p for p in pipeline.project.state_dir.rglob("*"))]
    modes = {path: path.stat().st_mode for path in folders}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        result = run_as([*without_privileges(), str(HUSKIES), *command.split(), "--json"], pipeline.root)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    codes = {error["code"] for error in result.json()["errors"]}
    assert (result.exit_code, result.stderr) == (1, ""), result
    assert codes <= {"permission_denied", "store_unusable", "read_only"}, result
    assert (whole(pipeline.repository), pipeline.story(story).id) == (before, story)


def run_as(argv: list[str], cwd: Path) -> Finished:
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return Finished(done.returncode, done.stdout, done.stderr)


def test_without_bubblewrap_no_sandboxed_run_starts(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline(team=Team(extra='sandbox = "bwrap"'))
    story = pipeline.add()
    poor = tmp_path / "bin"
    poor.mkdir()
    for name in ("git", "env"):
        (poor / name).symlink_to(str(shutil.which(name)))
    refused = pipeline.huskies("agent", "start", str(story), env={"PATH": str(poor)})
    checked = pipeline.huskies("config", "check", env={"PATH": str(poor)})
    message = "the sandbox of coder-1 does not work: bwrap is not on PATH"
    assert (refused.exit_code, refused.stderr.splitlines()[0], pipeline.runs()) == (
        1,
        f"huskies: {message}",
        (),
    )
    assert "agent coder-1: no sandbox: bwrap is not on PATH" in checked.stderr
