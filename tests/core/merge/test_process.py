"""A merge run reads its story again for each attempt."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.merge import process
from huskies_core.merge_results import Landed, LostRace, MergeResult, StoryMoved
from huskies_core.pipeline.events import Demote, QaSkipped
from huskies_core.pipeline.stages import Coding
from huskies_core.runs.story_worktrees import make_worktrees
from huskies_core.store import runs, stories
from huskies_core.store.runs import Run, RunClaim, RunKind
from support.contexts import Clock, opened
from support.stories import NOW, apply_to_story, import_story


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Open a project with story 1 in the merge queue. Its branch has one commit."""
    with opened(tmp_path / "repo", Clock()) as context:
        import_story(context.store, Coding(), number=StoryId(1))
        make_worktrees(context, [StoryId(1)], NOW)
        commit(context.project.worktree(1), "own.txt")
        apply_to_story(context.store, 1, QaSkipped("feature/story-1", 1))
        yield context


def commit(checkout: Path, name: str) -> None:
    (checkout / name).write_text(name)
    for command in (["add", "--all"], ["commit", "--quiet", "--message", name]):
        subprocess.run(["git", *command], cwd=checkout, check=True)


def merge_with_a_lost_race(
    context: Context, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]
) -> tuple[MergeResult, int, list[str]]:
    """Merge story 1. A commit moves the base during the first attempt; then `change` runs before the second.

    Return the result, the number of attempts that reached the gates, and the subjects on the base branch.
    """
    attempts: list[str] = []

    def judge_tree(_context: Context, squashed: str, _tree: str, _tip: str) -> None:
        attempts.append(squashed)
        if len(attempts) == 1:
            commit(context.project.root, "base.txt")

    def attempt(context: Context, run: Run) -> MergeResult:
        result = merge_once(context, run)
        if isinstance(result, LostRace):
            change()
        return result

    merge_once = process._merge_once
    monkeypatch.setattr(process, "judge_tree", judge_tree)
    monkeypatch.setattr(process, "_merge_once", attempt)
    with context.store.exclusive() as db:
        visit = stories.load(db, StoryId(1)).visit
        run = runs.claim(db, RunClaim(StoryId(1), RunKind.MERGE, visit), actor="test", now=NOW)
    result = process.merge_story(context, run)
    log = ["git", "log", "--format=%s", "main"]
    subjects = subprocess.run(
        log, cwd=context.project.root, capture_output=True, text=True, check=True
    ).stdout
    return result, len(attempts), subjects.splitlines()[:-1]


def test_the_next_attempt_lands_the_edited_story(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def edit_title() -> None:
        with context.store.exclusive() as db:
            draft = replace(stories.load(db, StoryId(1)).draft, title="A better title")
            stories.edit(db, StoryId(1), draft, actor="user:test", now=NOW)

    result, attempts, subjects = merge_with_a_lost_race(context, monkeypatch, edit_title)
    assert (isinstance(result, Landed), attempts) == (True, 2)
    assert subjects == ["huskies: merge 1 story A better title", "base.txt"]


def test_the_next_attempt_does_not_merge_a_story_that_moved(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def demote() -> None:
        apply_to_story(context.store, 1, Demote())

    moved = merge_with_a_lost_race(context, monkeypatch, demote)
    assert moved == (StoryMoved(), 1, ["base.txt"])
