"""Locks of real processes and lock files that git left behind."""

import subprocess
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.processes import check_locks
from huskies_core.git.worktrees import checkout_of
from huskies_core.ids import StoryId
from huskies_core.runs.story_worktrees import make_worktrees
from support.checks import age, fixed, problems, problems_of
from support.locks import locked_elsewhere
from support.stories import add_story


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
