"""The journal, told: transitions, or every row, as they are or as they come."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.store import journal, stories
from huskies_core.store.connection import Connection
from huskies_core.store.journal import Entry, Kind

BATCH = 1000


@dataclass(frozen=True)
class Selection:
    """Rows behind the position `after`, of one story or of all; transitions, or every kind."""

    story: int | None = None
    after: int = 0
    every_kind: bool = False


def read(context: Context, wanted: Selection) -> tuple[Entry, ...]:
    """What has happened so far, oldest first. Raises HuskiesError `not_found` for a story that never was."""
    with context.store.reading() as db:
        _check(db, wanted)
        return tuple(_entries(db, wanted))


def follow(context: Context, wanted: Selection, pause: Callable[[], object]) -> Iterator[Entry]:
    """What has happened and what happens, without an end; `pause` is called when there is nothing new."""
    seq = wanted.after
    with context.store.reading() as db:
        _check(db, wanted)
    while True:
        with context.store.reading() as db:
            head = journal.head(db)
            news = tuple(_entries(db, Selection(wanted.story, seq, wanted.every_kind))) if head > seq else ()
        yield from news
        seq = max(seq, head)
        pause()


def transitions(db: Connection, *, story: int | None = None, after: int = 0) -> Iterator[Entry]:
    return _entries(db, Selection(story, after))


def _entries(db: Connection, wanted: Selection) -> Iterator[Entry]:
    seq = wanted.after
    while True:
        if wanted.story is None and not wanted.every_kind:
            batch = journal.transitions_after(db, seq, BATCH)
        else:
            batch = journal.entries_after(db, seq, story=wanted.story, limit=BATCH)
        yield from (entry for entry in batch if wanted.every_kind or entry.kind is Kind.TRANSITION)
        if len(batch) < BATCH:
            return
        seq = batch[-1].seq


def _check(db: Connection, wanted: Selection) -> None:
    if wanted.story is not None:
        stories.load(db, wanted.story)
