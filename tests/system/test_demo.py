"""The demo as a process, in any directory and under any git configuration."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from support.cli import run_huskies, start_huskies
from support.git_repository import GitRepository

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

HOSTILE_GIT_CONFIG = """\
[init]
\tdefaultBranch = trunk
\ttemplateDir = {hooks}
[commit]
\tgpgSign = true
[gpg]
\tprogram = false
[core]
\thooksPath = {hooks}
\tautocrlf = true
\texcludesFile = {ignored}
\teditor = false
[merge]
\tconflictStyle = diff3
\tff = only
"""
HOOKS = ("pre-commit", "commit-msg", "post-checkout", "pre-merge-commit", "reference-transaction")
MERGED = {
    "huskies: merge 1 story Read a team from a CSV file",
    "huskies: merge 2 story Weigh the team in a file",
    "huskies: merge 3 story Work out the daily ration",
    "huskies: merge 4 story Choose the lead dog",
    "huskies: merge 5 story Add the command heaviest",
    "huskies: merge 6 story Add the command youngest",
}


@pytest.fixture
def hostile(user_folder: Path) -> dict[str, str]:
    """Return variables with a git configuration under which git fails, and with another repository."""
    hooks, ignored = user_folder / "hooks", user_folder / "ignored"
    hooks.mkdir()
    ignored.write_text("*.py\n")
    for name in HOOKS:
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    Path(os.environ["GIT_CONFIG_GLOBAL"]).write_text(HOSTILE_GIT_CONFIG.format(hooks=hooks, ignored=ignored))
    leading = {"GIT_DIR": "/nonexistent", "HUSKIES_PROJECT": "/nonexistent", "HUSKIES_RUN_ID": "1"}
    return {**leading, "GIT_AUTHOR_NAME": "", "GIT_COMMITTER_EMAIL": "", "EMAIL": "nobody"}


def git(directory: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(directory), *args], capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")


def landed(directory: Path) -> tuple[str, list[str], int]:
    """Return the branches, the subjects on main after the first two commits, and the number of worktrees."""
    subjects = git(directory, "log", "--format=%s", "main").splitlines()
    worktrees = list((directory / ".huskies" / "worktrees").glob("[0-9]*"))
    return git(directory, "branch", "--format=%(refname:short)"), sorted(subjects[:-2]), len(worktrees)


def test_the_demo_passes_under_any_git_configuration(tmp_path: Path, hostile: dict[str, str]) -> None:
    directory = tmp_path / "it's a démo"

    done = run_huskies("demo", directory.name, "--json", "--quiet", cwd=tmp_path, env=hostile, timeout=600)

    assert (done.exit_code, done.stderr, done.json()["errors"]) == (0, "", [])
    assert (done.data["repository"], [story["stage"] for story in done.data["stories"]]) == (
        str(directory),
        ["done"] * 6,
    )
    happened = [(event["event"], event["story"]) for event in done.data["events"]]
    once = ("gates_failed", "qa_rejected", "merge_failed", "conflict_resolved")
    counts = {name: len([story for event, story in happened if event == name]) for name in once}
    assert counts == dict.fromkeys(once, 1)
    assert landed(directory) == ("main", sorted(MERGED), 0)
    assert subprocess.run(["git", "-C", directory, "fsck", "--strict"], capture_output=True).returncode == 0


def test_the_report_of_the_demo_fits_eighty_columns(tmp_path: Path) -> None:
    done = run_huskies("demo", cwd=tmp_path, timeout=600)

    live, board = done.stderr.splitlines(), done.stdout.splitlines()
    directory = Path(next(match[1] for line in board if (match := re.match(r"  cd (\S+)$", line))))
    assert (done.exit_code, directory.parent) == (0, Path(os.environ["TMPDIR"]))
    assert [line for line in (*live, *board) if len(line) > 80 and str(directory) not in line] == []
    merged = [line.split()[1] for line in live if "MERGED as" in line]
    assert sorted(merged) == ["#1", "#2", "#3", "#4", "#5", "#6"]
    assert board[0].startswith("6 of 6 stories merged in ")
    assert len([line for line in board if line.startswith("✓")]) == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_ends_its_runs(tmp_path: Path, number: signal.Signals) -> None:
    directory = tmp_path / "demo"
    started = start_huskies("demo", directory, cwd=tmp_path, env={"PYTHONUNBUFFERED": "1"})
    assert started.stdout is not None
    for line in started.stdout:
        if "coder-2 starts" in line:
            break
    started.send_signal(number)
    rest = started.stdout.read().splitlines()
    code = started.wait(120)
    started.stdout.close()

    live = run_huskies("run", "list", "--live", "--json", cwd=directory).data["runs"]
    stages = {
        story["stage"] for story in run_huskies("list", "--all", "--json", cwd=directory).data["stories"]
    }
    assert (code, live, stages - {"done"}) == (130, [], {"frozen"})
    assert rest[-2:] == [f"The repository stays: {directory}", "huskies: interrupted"]


def test_the_demo_works_inside_another_repository(tmp_path: Path) -> None:
    outer = GitRepository(tmp_path / "outer")

    started = start_huskies("demo", "inner", cwd=outer.root)
    assert started.stdout is not None
    for line in started.stdout:
        if "coder-1 starts" in line:
            break
    started.send_signal(signal.SIGINT)
    started.stdout.read()
    started.wait(120)
    started.stdout.close()

    inner = outer.root / "inner"
    assert (git(inner, "rev-parse", "--show-toplevel"), outer.refs()) == (str(inner), ["refs/heads/main"])
