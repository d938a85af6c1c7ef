"""Checks of locks and runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.processes import check_locks, check_runs
from huskies_core.git.worktrees import checkout_of
from huskies_core.ids import RunId, StoryId
from huskies_core.runs.story_worktrees import make_worktrees
from huskies_core.store import runs
from huskies_core.store.runs import Outcome, RunClaim, RunKind
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.checks import age, fixed, problems, problems_of
from support.locks import locked_elsewhere
from support.stories import add_story, load_story


@pytest.mark.usefixtures("processes")
def test_a_process_that_holds_the_git_lock_is_named(context: Context, tmp_path: Path) -> None:
    with locked_elsewhere(context.project.git_lock, tmp_path / "held") as pid:
        checks = [check for check in check_locks(context) if check.problem]
    assert [check.name for check in checks] == ["git.lock"]
    assert (f"process {pid}" in checks[0].problem, "Never delete" in checks[0].fix) == (True, True)
    assert problems_of(check_locks, context) == {}


@pytest.mark.usefixtures("processes")
def test_a_running_pass_is_a_detail(context: Context, tmp_path: Path) -> None:
    with locked_elsewhere(context.project.pass_lock("worktrees"), tmp_path / "held") as pid:
        results = [
            (check.name, check.problem, check.detail) for check in check_locks(context) if check.detail
        ]
    assert [(name, problem) for name, problem, _ in results] == [("locks/worktrees.lock", "")]
    assert results[0][2].startswith(f"held by process {pid} (python")


def test_old_lock_files_are_removed_when_no_git_is_running(context: Context) -> None:
    add_story(context.store)
    make_worktrees(context, [StoryId(1)], context.now())
    checkout = checkout_of(context.project, StoryId(1))
    assert checkout is not None
    stale = [context.project.git_dir / "config.lock", checkout.git_dir / "index.lock"]
    for path in stale:
        path.touch()
    assert problems(context) == {}
    for path in stale:
        age(path, context.now(), minutes=1)
    argv = ["git", "cat-file", "--batch"]
    with subprocess.Popen(argv, cwd=context.project.root, stdin=subprocess.PIPE) as process:
        assert (fixed(context), problems(context)) == ({}, {})
        age(stale[0], context.now(), hours=2)
        assert problems_of(check_locks, context) == {
            "git lock files": "left by a git process that ended: .git/config.lock"
        }
        assert fixed(context) == {}
        process.communicate()
    assert fixed(context) == {
        "git lock files": "removed 1 lock file",
        "worktree lock files": "removed 1 lock file",
    }
    assert ([path.exists() for path in stale], fixed(context)) == ([False, False], {})


def claim(context: Context) -> int:
    """Record a run without a supervisor."""
    story = add_story(context.store).id
    with context.store.exclusive() as db:
        request = RunClaim(story, RunKind.CODER, load_story(context.store, story).visit, agent="ann")
        return runs.claim(db, request, actor="user:ada", now=context.now()).id


def test_the_end_of_a_dead_run_is_recorded(context: Context) -> None:
    run = claim(context)
    assert problems_of(check_runs, context) == {"runs": f"run {run}: its supervisor is dead"}
    assert fixed(context) == {"runs": "recorded the end of 1 run"}
    with context.store.reading() as db:
        assert runs.load(db, RunId(run)).outcome is Outcome.CRASHED
    assert (fixed(context), problems_of(check_runs, context)) == ({}, {})


def test_folders_without_a_run_are_named_and_kept(context: Context) -> None:
    directory = RunDirectory(context.project.run_dir(7))
    lock = take_lock(directory)
    assert lock is not None
    assert problems_of(check_runs, context) == {}
    age(Path(directory.path), context.now(), minutes=5)
    active = problems_of(check_runs, context)
    os.close(lock)
    assert active == {"run folders": "active, but the store has no such run: 7"}
    assert problems_of(check_runs, context) == {
        "run folders": "the store has no run for these folders of .huskies/runs: 7"
    }
    assert (fixed(context), Path(directory.path).is_dir()) == ({}, True)


@pytest.mark.usefixtures("processes")
def test_processes_of_an_ended_run_are_named_and_not_killed(context: Context) -> None:
    run = claim(context)
    mark = {"HUSKIES_RUN_ID": str(run), "HUSKIES_PROJECT": str(context.project.root)}
    argv = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(argv, env={**os.environ, **mark}, stdin=subprocess.PIPE) as process:
        assert "processes" not in problems_of(check_runs, context)
        with context.store.exclusive() as db:
            runs.end(db, RunId(run), runs.Report(Outcome.COMPLETED), actor="user:ada", now=context.now())
        checks = [check for check in check_runs(context) if check.problem]
        assert (fixed(context), process.poll()) == ({}, None)
        process.communicate()
    assert [
        (check.name, f"{process.pid} " in check.problem, f"'kill {process.pid}'" in check.fix)
        for check in checks
    ] == [("processes", True, True)]
    assert problems_of(check_runs, context) == {}
