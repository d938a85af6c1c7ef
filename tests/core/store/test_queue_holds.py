"""A hold has one journal row for its beginning and one for its end."""

from datetime import timedelta

from huskies_core.ids import Seq, StoryId
from huskies_core.store import journal, queue_holds
from huskies_core.store.connection import Store
from huskies_core.store.queue_holds import QUEUE, QueueHold, QueueHoldKind
from support.stories import NOW

LATER = NOW + timedelta(minutes=5)
BROKEN = QueueHoldKind.BASE_BROKEN


def rows_of_journal(store: Store) -> list[tuple[str, str, int | None, object]]:
    with store.reading() as db:
        rows = journal.entries_after(db, Seq(0))
    return [(entry.kind.value, entry.event, entry.story, entry.detail) for entry in rows]


def put(store: Store, kind: QueueHoldKind, story: int, **detail: str) -> None:
    with store.exclusive() as db:
        queue_holds.put(
            db,
            kind,
            StoryId(story),
            detail,
            actor="pass:auto-assign",
            now=LATER if queue_holds_now(store) else NOW,
        )


def queue_holds_now(store: Store) -> tuple[QueueHold, ...]:
    with store.reading() as db:
        return queue_holds.everything(db)


def test_putting_a_hold_again_replaces_its_detail_without_another_row(store: Store) -> None:
    put(store, BROKEN, QUEUE, tip="a")
    put(store, BROKEN, QUEUE, tip="b")
    assert queue_holds_now(store) == (QueueHold(BROKEN, QUEUE, {"tip": "b"}, "2026-03-01T12:00:00.000Z"),)
    assert rows_of_journal(store) == [("queue", "hold_began", None, {"hold": "base_broken", "tip": "a"})]


def test_a_hold_that_is_released_twice_ends_once(store: Store) -> None:
    put(store, BROKEN, QUEUE, tip="a")
    (hold,) = queue_holds_now(store)
    for _ in range(2):
        with store.exclusive() as db:
            queue_holds.release(db, hold, actor="pass:auto-assign", now=LATER)
            queue_holds.release_story(db, QUEUE, kind=BROKEN, actor="pass:auto-assign", now=LATER)
    detail = {"hold": "base_broken", "tip": "a"}
    assert (queue_holds_now(store), rows_of_journal(store)[1:]) == (
        (),
        [("queue", "hold_ended", None, detail)],
    )


def test_releasing_a_story_leaves_the_holds_of_others(store: Store) -> None:
    put(store, BROKEN, QUEUE)
    for story in (1, 2):
        put(store, QueueHoldKind.BASE_DIRTY, story)
    with store.exclusive() as db:
        queue_holds.release_story(db, StoryId(1), actor="user:test", now=LATER)
        queue_holds.release_story(db, StoryId(2), kind=BROKEN, actor="user:test", now=LATER)
    assert [(hold.kind, hold.story) for hold in queue_holds_now(store)] == [
        (BROKEN, QUEUE),
        (QueueHoldKind.BASE_DIRTY, 2),
    ]
    assert [row[1:3] for row in rows_of_journal(store)[3:]] == [("hold_ended", 1)]
