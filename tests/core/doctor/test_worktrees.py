"""Worktrees and branches that do not go with the stories that there are."""

import shutil

import pytest

from huskies_core.context import Context
from huskies_core.doctor.worktrees import look_at_worktrees
from huskies_core.git.rescue import list_rescues
from huskies_core.git.worktrees import is_made, present_worktrees
from huskies_core.pipeline.events import Abandon, Start
from huskies_core.runs.story_worktrees import make_worktrees
from support.checks import fixed, seen
from support.contexts import Clock
from support.stories import add_story, fire_event


@pytest.fixture
def story(context: Context) -> int:
    """One that is coded, in a worktree that holds what nobody committed."""
    number = add_story(context.store, now=context.now()).id
    fire_event(context.store, number, Start(), now=context.now())
    make_worktrees(context, [number], context.now())
    (context.project.worktree(number) / "new.txt").write_text("work")
    return number


def test_what_the_pass_has_not_done_for_long_is_done_and_the_work_kept(
    context: Context, story: int, clock: Clock
) -> None:
    fire_event(context.store, story, Abandon("no"), now=context.now())
    assert seen(look_at_worktrees, context) == {}
    clock.pass_by(minutes=11)
    assert seen(look_at_worktrees, context) == {"worktrees": f"to be done for long: remove_worktree {story}"}
    assert fixed(context) == {"worktrees": "'huskies worktrees' did 1 thing"}
    assert (is_made(context.project, story), len(list_rescues(context.repository))) == (False, 1)
    assert (fixed(context), seen(look_at_worktrees, context)) == ({}, {})


def test_a_record_without_its_folder_goes_and_what_was_staged_is_kept(context: Context, story: int) -> None:
    place = context.project.worktree(story)
    context.repository.git("-C", str(place), "--git-dir=.git", "--work-tree=.", "status", ok=(0, 128))
    shutil.rmtree(place)
    assert seen(look_at_worktrees, context) == {
        "worktree records": f"git has worktrees whose folder is gone: {story}"
    }
    assert fixed(context) == {"worktree records": "took 1 record away"}
    assert present_worktrees(context.project) == frozenset()
    assert context.repository.branch_tip(f"feature/story-{story}") is not None
    assert (fixed(context), seen(look_at_worktrees, context)) == ({}, {})


def test_what_no_story_owns_is_named_and_stays(context: Context, story: int) -> None:
    with context.store.exclusive() as db:
        db.execute("DELETE FROM branches")
        db.execute("DELETE FROM stories")
    place = context.project.worktree(story)
    assert seen(look_at_worktrees, context) == {
        "worktree owners": f"of no story of this store: {place}",
        "branch owners": f"made by others under the names of stories: feature/story-{story}",
    }
    assert (fixed(context), (place / "new.txt").read_text()) == ({}, "work")


def test_a_branch_of_somebody_else_comes_with_the_command_that_keeps_it(context: Context) -> None:
    context.repository.git("branch", "feature/story-9")
    context.repository.git("branch", "feature/story-nine")
    found = [one for one in look_at_worktrees(context) if one.problem]
    assert [one.fix for one in found] == [
        "Keep each under another name: git branch -m feature/story-9 kept/story-9"
    ]
