"""The history from the journal, and the check for a scheduler."""

from datetime import timedelta

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import Seq, StoryId
from huskies_core.operations import history, moves
from huskies_core.operations.history import Selection
from huskies_core.operations.scheduler_check import ticked_lately
from huskies_core.operations.stories import create
from huskies_core.store import pass_times
from support.drafts import draft


def test_transitions_are_read_in_order_and_other_rows_on_request(context: Context) -> None:
    create(context, draft())
    create(context, draft(), start=True)
    moves.freeze_story(context, StoryId(2))
    result = [(entry.story, entry.event) for entry in history.read(context, Selection())]
    every = [entry.event for entry in history.read(context, Selection(story=StoryId(2), every_kind=True))]
    after = [entry.event for entry in history.read(context, Selection(after=Seq(3)))]
    assert (result, every, after) == (
        [(2, "start"), (2, "freeze")],
        ["created", "start", "freeze"],
        ["freeze"],
    )


def test_more_rows_than_a_batch_are_read_once_each(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "BATCH", 2)
    create(context, draft(), start=True)
    for _ in range(3):
        moves.freeze_story(context, StoryId(1))
        moves.unfreeze_story(context, StoryId(1))
    for selection in (Selection(), Selection(story=StoryId(1))):
        assert [entry.seq for entry in history.read(context, selection)] == list(range(2, 9))


def test_following_continues_with_new_rows(context: Context) -> None:
    create(context, draft(), start=True)
    rows = history.follow(
        context, Selection(story=StoryId(1)), lambda: moves.freeze_story(context, StoryId(1))
    )
    assert [next(rows).event, next(rows).event] == ["start", "freeze"]


def test_the_history_of_a_missing_story_is_refused(context: Context) -> None:
    with pytest.raises(HuskiesError, match="there is no story 9"):
        history.read(context, Selection(story=StoryId(9)))


@pytest.mark.parametrize(
    ("name", "seconds", "lately"),
    [("watchdog", 119, True), ("watchdog", 121, False), ("reconcile", 119, True), ("reconcile", 121, False)],
)
def test_a_tick_is_detected_by_the_passes_that_it_ran(
    context: Context, name: str, seconds: int, *, lately: bool
) -> None:
    with context.store.exclusive() as db:
        last = context.now() - timedelta(seconds=seconds)
        pass_times.record(db, name, last_at=last, due_at=None)
    assert ticked_lately(context) is lately


def test_nothing_ticks_in_a_new_project(context: Context) -> None:
    assert not ticked_lately(context)
