"""Findings of changes to the repository, and the files and variables of runs."""

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from support.cli import HUSKIES
from support.git_repository import GitRepository
from system.facts import NOTHING, no_leftovers, squash_commits
from system.project import WORK, MakePipeline, Pipeline, Team

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    ("command", "changes"),
    [
        ("git config user.name Mallory", ["git config: user.name was added"]),
        ("git config core.bare true", ["git config: core.bare was changed"]),
        ("git config core.hooksPath /tmp/hooks", ["git config: core.hookspath was added"]),
        ("cp /bin/true $HUSKIES_PROJECT/.git/hooks/pre-commit", ["hook pre-commit was added"]),
        (
            "git remote add upstream https://example.org/a.git",
            ["git config: remote.upstream.fetch was added", "git config: remote.upstream.url was added"],
        ),
        (
            "git -C $HUSKIES_PROJECT checkout --quiet -b elsewhere",
            ["the main checkout went from main to elsewhere"],
        ),
    ],
)
def test_a_change_of_the_repository_during_a_run_is_reported_once(
    pipeline: Pipeline, command: str, changes: list[str]
) -> None:
    pipeline.add((f"run={command}", *WORK))
    pipeline.huskies("auto-assign")
    pipeline.wait_until(lambda: len(pipeline.runs()) > 1, what="the run's end")
    pipeline.wait_until_idle()
    assert hygiene_findings(pipeline) == [(change, [1]) for change in changes]


def test_a_finding_names_all_live_runs(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=Team(coder=2))
    done, others = pipeline.scripts / "done", pipeline.scripts / "begun"
    pipeline.add((f"wait={others}", "run=git config user.name Mallory", f"write={done}:yes", *WORK))
    pipeline.add((f"write={others}:yes", f"wait={done}", *WORK))
    pipeline.huskies("auto-assign")
    pipeline.wait_for(1, 2)
    assert hygiene_findings(pipeline) == [("git config: user.name was added", [1, 2])]


def test_changes_without_a_live_run_are_not_reported(pipeline: Pipeline) -> None:
    for _ in range(2):
        story = pipeline.add()
        pipeline.huskies("auto-assign")
        pipeline.wait_for(story)
        assert no_leftovers(pipeline) == NOTHING
        pipeline.repository.git("config", "user.name", "The user")
    assert hygiene_findings(pipeline) == []


def hygiene_findings(pipeline: Pipeline) -> list[tuple[str, list[int]]]:
    rows = [entry.detail for entry in pipeline.journal() if entry.event == "repository_changed"]
    return [(row["change"], row["runs"]) for row in rows]


def test_included_files_are_copied_to_agents_and_gates(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    """The second merge has a new tree, so its gates run in the merge workspace."""
    copies = tmp_path / "seen"
    copies.mkdir()
    copy = f'cp .env {copies}/gate-$(basename "$PWD")'
    pipeline = make_pipeline(team=Team(coder=2), gates={"included": ("sh", "-c", copy)})
    pipeline.repository.write(".gitignore", ".env\nsecrets/\n")
    pipeline.repository.write(".worktreeinclude", ".env\n")
    pipeline.repository.commit_all("include .env")
    pipeline.repository.write(".env", "KEY=1\n")
    pipeline.repository.write("secrets/key", "not included\n")
    look = f"run=cp -r . {copies}/agent-$HUSKIES_STORY_ID"
    stories = [pipeline.add((look, *WORK)), pipeline.add((look, *WORK))]
    pipeline.huskies("worktrees")
    pipeline.huskies("auto-assign")
    pipeline.wait_for(*stories)
    gates = {path.name: path.read_text() for path in copies.glob("gate-*")}
    assert gates == dict.fromkeys(("gate-1", "gate-2", "gate-merge_workspace"), "KEY=1\n")
    agents = {
        str(path.relative_to(copies)) for path in copies.glob("agent-*/*") if path.name in (".env", "secrets")
    }
    assert agents == {"agent-1/.env", "agent-2/.env"}
    assert ".env" not in pipeline.repository.files()


def test_variables_that_bind_git_elsewhere_change_nothing(pipeline: Pipeline, tmp_path: Path) -> None:
    other = GitRepository(tmp_path / "other")
    before = read_tree(other.root)
    bound = {
        "GIT_DIR": str(other.root / ".git"),
        "GIT_WORK_TREE": str(other.root),
        "GIT_INDEX_FILE": str(other.root / ".git" / "index"),
        "GIT_OBJECT_DIRECTORY": str(other.root / ".git" / "objects"),
        "GIT_COMMON_DIR": str(other.root / ".git"),
        "GIT_NAMESPACE": "elsewhere",
        "GIT_CEILING_DIRECTORIES": str(pipeline.root.parent),
        "GIT_PREFIX": "below/",
        "GIT_CONFIG_PARAMETERS": "'core.bare'='true'",
    }
    added = pipeline.huskies("add", "From elsewhere", "-c", "it works", "--start", "--json", env=bound)
    story = added.data["id"]
    passed = [pipeline.huskies(name, env=bound).exit_code for name in ("reconcile", "tick", "status", "gc")]
    pipeline.wait_for(story)
    assert pipeline.huskies("reconcile", env=bound).exit_code == 0
    assert (passed, no_leftovers(pipeline), squash_commits(pipeline)) == ([0, 0, 0, 0], NOTHING, {story: 1})
    assert read_tree(other.root) == before


def read_tree(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


SECRETS = {"AWS_SECRET_ACCESS_KEY": "s3cr3t", "OPENAI_API_KEY": "s3cr3t", "GITHUB_TOKEN": "s3cr3t"}
SHELL = {
    "HOME": "",
    "TMPDIR": "",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C",
    "LC_ALL": "C",
    "TZ": "UTC",
}
CRON = {"HOME": "", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "somebody"}
AGENT_ENV = 'env = { GREETING = "hello" }\nenv_allow = ["FROM_STARTER", "FROM_FILE", "FROM_NOBODY"]\n'


@pytest.mark.parametrize("starter", [SHELL, CRON], ids=["shell", "cron"])
def test_a_run_gets_only_the_documented_variables_from_any_starter(
    make_pipeline: MakePipeline, tmp_path: Path, starter: dict[str, str]
) -> None:
    """The end of the first run starts the second, which asks for a commit."""
    pipeline = make_pipeline()
    agent = f'[[agent]]\nname = "coder-1"\nstage = "coder"\nruntime = "command"\ncommand = ["env", "-0"]\n{AGENT_ENV}'
    pipeline.project.agents_toml.write_text(agent)
    pipeline.project.env_file.write_text("FROM_STARTER=unused\nFROM_FILE=file\nNOT_ALLOWED=s3cr3t\n")
    pipeline.project.env_file.chmod(0o600)
    story = pipeline.add()
    home = {"HOME": str(tmp_path / "home"), "GIT_CONFIG_SYSTEM": os.devnull}
    environment = {
        **starter,
        **home,
        **SECRETS,
        "FROM_STARTER": "starter",
        "GIT_DIR": "/nowhere",
        "EDITOR": "vi",
    }
    done = subprocess.run(
        [HUSKIES, "tick"], cwd=pipeline.root, env=environment, capture_output=True, timeout=60
    )
    pipeline.wait_until(lambda: len(pipeline.runs()) > 2, what="three runs")
    pipeline.huskies("freeze", str(story))
    pipeline.wait_until_idle()
    inherited = {name: value for name, value in starter.items() if name not in ("HOME", "PATH")}
    promised = {**user_entries(), **inherited, **home, **ALLOWED}
    assert (done.returncode, environment_of(pipeline, 1), environment_of(pipeline, 2)) == (
        0,
        {**promised, **described(pipeline, 1, starter["PATH"])},
        {**promised, **described(pipeline, 2, starter["PATH"])},
    )
    assert secrets_kept(pipeline) == []


ALLOWED = {"GREETING": "hello", "FROM_STARTER": "starter", "FROM_FILE": "file"}


def user_entries() -> dict[str, str]:
    """Return the variables that come from the user database if the starter lacks them."""
    user = pwd.getpwuid(os.getuid())
    identity = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "coder-1")
    mails = dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "huskies@localhost")
    return {"USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": user.pw_shell, **identity, **mails}


def described(pipeline: Pipeline, run: int, path: str) -> dict[str, str]:
    """Return the variables that describe a run, with the folder of huskies first in PATH."""
    project = pipeline.project
    return {
        "PATH": f"{project.state_dir / 'bin'}:{path}",
        "HUSKIES_PROJECT": str(project.root),
        "HUSKIES_STORY_ID": "1",
        "HUSKIES_RUN_ID": str(run),
        "HUSKIES_AGENT": "coder-1",
        "HUSKIES_STAGE": "coder",
        "HUSKIES_BASE_BRANCH": "main",
        "HUSKIES_WORKTREE": str(project.worktree(1)),
        "HUSKIES_PROMPT_FILE": pipeline.directory(run).prompt,
    }


def environment_of(pipeline: Pipeline, run: int) -> dict[str, str]:
    """Return the output of `env -0`, without the variable that Python adds without a locale (PEP 538)."""
    output = Path(pipeline.directory(run).output).read_bytes()
    lines = [line for line in output.decode().split("\0") if "=" in line]
    variables = dict(line.partition("=")[::2] for line in lines)
    return {name: value for name, value in variables.items() if name != "LC_CTYPE"}


def secrets_kept(pipeline: Pipeline) -> list[str]:
    """Return the files of runs that contain a secret of the starter or one that no agent may have."""
    files = [path for path in pipeline.project.runs_dir.rglob("*") if path.is_file()]
    return [str(path) for path in files if b"s3cr3t" in path.read_bytes()]
