"""Locks that are held and lock files that are left, by real processes and real files."""

import subprocess
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.locks import look_at_locks
from huskies_core.git.worktrees import checkout_of
from huskies_core.runs.story_worktrees import make_worktrees
from support.checks import age, fixed, problems, seen
from support.locks import held
from support.stories import add_story


@pytest.mark.usefixtures("processes")
def test_who_holds_git_for_long_is_named(context: Context, tmp_path: Path) -> None:
    with held(context.project.git_lock, tmp_path / "held") as pid:
        found = [one for one in look_at_locks(context) if one.problem]
    assert [one.name for one in found] == ["git.lock"]
    assert (f"process {pid}" in found[0].problem, "Never delete" in found[0].fix) == (True, True)
    assert seen(look_at_locks, context) == {}


@pytest.mark.usefixtures("processes")
def test_a_pass_at_work_is_no_fault_but_told(context: Context, tmp_path: Path) -> None:
    with held(context.project.pass_lock("worktrees"), tmp_path / "held") as pid:
        found = [(one.name, one.problem, one.detail) for one in look_at_locks(context) if one.detail]
    assert [(name, problem) for name, problem, _ in found] == [("locks/worktrees.lock", "")]
    assert found[0][2].startswith(f"held by process {pid} (python")


def test_lock_files_that_a_git_left_go_when_they_are_old_and_no_git_is_at_work(context: Context) -> None:
    add_story(context.store)
    make_worktrees(context, [1], context.now())
    checkout = checkout_of(context.project, 1)
    assert checkout is not None
    left = [context.project.git_dir / "config.lock", checkout.git_dir / "index.lock"]
    for path in left:
        path.touch()
    assert problems(context) == {}
    for path in left:
        age(path, context.now(), minutes=1)
    argv = ["git", "cat-file", "--batch"]
    with subprocess.Popen(argv, cwd=context.project.root, stdin=subprocess.PIPE) as process:
        assert (fixed(context), problems(context)) == ({}, {})
        age(left[0], context.now(), hours=2)
        assert seen(look_at_locks, context) == {
            "git lock files": "left by a git that ended: .git/config.lock"
        }
        assert fixed(context) == {}
        process.communicate()
    assert fixed(context) == {
        "git lock files": "removed 1 lock file",
        "worktree lock files": "removed 1 lock file",
    }
    assert ([path.exists() for path in left], fixed(context)) == ([False, False], {})
