"""A worktree follows the base branch until it has commits of its own."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.pipeline.stages import Coding
from huskies_core.runs.story_worktrees import catch_up_with_base, make_worktrees
from support.contexts import Clock, opened
from support.stories import NOW, import_story


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Open a project with a worktree of story 1 and a base branch that moved later."""
    with opened(tmp_path / "repo", Clock()) as context:
        import_story(context.store, Coding(), number=StoryId(1))
        make_worktrees(context, [StoryId(1)], NOW)
        (context.project.root / "mended.txt").write_text("mended\n")
        commit(context.project.root)
        yield context


def commit(checkout: Path) -> None:
    for command in (["add", "--all"], ["commit", "--quiet", "--message", "x"]):
        subprocess.run(["git", *command], cwd=checkout, check=True)


def has_fix(context: Context) -> bool:
    return (context.project.worktree(1) / "mended.txt").exists()


def test_a_worktree_without_commits_is_moved_to_the_tip_of_the_base(context: Context) -> None:
    caught_up, again = catch_up_with_base(context, StoryId(1)), catch_up_with_base(context, StoryId(1))
    assert (caught_up, again, has_fix(context)) == (True, False, True)


def test_a_worktree_with_commits_is_not_moved(context: Context) -> None:
    (context.project.worktree(1) / "own.txt").write_text("own\n")
    commit(context.project.worktree(1))
    assert (catch_up_with_base(context, StoryId(1)), has_fix(context)) == (False, False)


def test_uncommitted_files_are_never_overwritten(context: Context) -> None:
    own = context.project.worktree(1) / "mended.txt"
    own.write_text("my own\n")
    assert (catch_up_with_base(context, StoryId(1)), own.read_text()) == (False, "my own\n")


def test_uncommitted_files_that_the_base_does_not_change_stay(context: Context) -> None:
    own = context.project.worktree(1) / "notes.txt"
    own.write_text("my own\n")
    assert (catch_up_with_base(context, StoryId(1)), own.read_text()) == (True, "my own\n")
