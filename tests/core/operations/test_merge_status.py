from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.board import read_merges
from huskies_core.pipeline.stages import Coding, Merge, MergeFailure, MergeFailureFinal, MergeFailureKind
from huskies_core.store import runs, stories
from huskies_core.store.runs import RunClaim, RunKind
from support.contexts import Clock, opened
from support.stories import NOW, import_story


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Import two stories in the queue, the older one first, two with a failed merge, and one in coding."""
    with opened(tmp_path / "repo", Clock()) as context:
        import_story(context.store, MergeFailureFinal("three attempts"))
        import_story(context.store, Merge("feature/story-2", 1), now=NOW - timedelta(hours=1))
        import_story(context.store, Merge("feature/story-3", 1), now=NOW - timedelta(days=2))
        import_story(context.store, MergeFailure(MergeFailureKind.CONFLICT_DETECTED, "README"))
        import_story(context.store, Coding())
        yield context


def test_the_queue_is_listed_in_order_before_the_failed_merges(context: Context) -> None:
    merges = read_merges(context)
    assert [(merge.story.id, merge.place, merge.is_starving) for merge in merges] == [
        (3, 1, True),
        (2, 2, False),
        (4, None, False),
        (1, None, False),
    ]


def test_each_story_has_its_blockers(context: Context) -> None:
    with context.store.exclusive() as db:
        visit = stories.load(db, StoryId(3)).visit
        merge = runs.claim(db, RunClaim(StoryId(3), RunKind.MERGE, visit), actor="user:test", now=NOW)
    merges = read_merges(context)
    rules = [[blocker.rule for blocker in one.explanation.blockers][:1] for one in merges]
    assert (merges[0].run, rules) == (
        merge,
        [["live_run"], ["merge_queue"], ["no_agent"], ["merge_failure_final"]],
    )


def test_one_story_is_listed_in_any_place(context: Context) -> None:
    (one,) = read_merges(context, StoryId(5))
    assert (one.story.id, one.place) == (5, None)


def test_a_missing_story_is_refused(context: Context) -> None:
    with pytest.raises(HuskiesError) as raised:
        read_merges(context, StoryId(6))
    assert raised.value.code == "not_found"
