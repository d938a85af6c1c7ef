"""Worktrees and branches that do not match the stories."""

import shutil

import pytest

from huskies_core.context import Context
from huskies_core.doctor.disk import check_worktrees
from huskies_core.git.rescue import list_rescues
from huskies_core.git.worktrees import is_made, present_worktrees
from huskies_core.ids import StoryId
from huskies_core.pipeline.events import Abandon, Start
from huskies_core.runs.story_worktrees import make_worktrees
from support.checks import fixed, problems_of
from support.contexts import Clock
from support.stories import add_story, apply_to_story


@pytest.fixture
def story(context: Context) -> int:
    """Start a story and return it. Its worktree has an uncommitted file."""
    number = add_story(context.store, now=context.now()).id
    apply_to_story(context.store, number, Start(), now=context.now())
    make_worktrees(context, [number], context.now())
    (context.project.worktree(number) / "new.txt").write_text("work")
    return number


def test_an_overdue_step_is_done_and_the_work_is_kept(context: Context, story: int, clock: Clock) -> None:
    apply_to_story(context.store, story, Abandon("no"), now=context.now())
    assert problems_of(check_worktrees, context) == {}
    clock.pass_by(minutes=11)
    assert problems_of(check_worktrees, context) == {"worktrees": f"overdue: remove_worktree {story}"}
    assert fixed(context) == {"worktrees": "'huskies worktrees' did 1 step"}
    assert (is_made(context.project, StoryId(story)), len(list_rescues(context.repository))) == (False, 1)
    assert (fixed(context), problems_of(check_worktrees, context)) == ({}, {})


def test_a_record_without_its_folder_is_removed(context: Context, story: int) -> None:
    path = context.project.worktree(story)
    context.repository.git("-C", str(path), "--git-dir=.git", "--work-tree=.", "status", ok=(0, 128))
    shutil.rmtree(path)
    assert problems_of(check_worktrees, context) == {
        "worktree records": f"git has worktrees without a folder: {story}"
    }
    assert fixed(context) == {"worktree records": "removed 1 record"}
    assert present_worktrees(context.project) == frozenset()
    assert context.repository.branch_tip(f"feature/story-{story}") is not None
    assert (fixed(context), problems_of(check_worktrees, context)) == ({}, {})


def test_a_worktree_without_a_story_is_named_and_kept(context: Context, story: int) -> None:
    with context.store.exclusive() as db:
        db.execute("DELETE FROM branches")
        db.execute("DELETE FROM stories")
    path = context.project.worktree(story)
    assert problems_of(check_worktrees, context) == {
        "worktree owners": f"the store has no story for {path}",
        "branch owners": f"not created by huskies, but named like stories: feature/story-{story}",
    }
    assert (fixed(context), (path / "new.txt").read_text()) == ({}, "work")


def test_a_foreign_branch_has_the_command_that_renames_it(context: Context) -> None:
    context.repository.git("branch", "feature/story-9")
    context.repository.git("branch", "feature/story-nine")
    checks = [check for check in check_worktrees(context) if check.problem]
    assert [check.fix for check in checks] == ["Rename each: git branch -m feature/story-9 kept/story-9"]
