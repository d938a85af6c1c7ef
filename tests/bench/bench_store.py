"""The cost of the store over SQLite: durable transitions, and reads with a large archive."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import cycle
from pathlib import Path

from bench.rows import Row, Scale, alternating
from huskies_core.pipeline import events, stages
from huskies_core.pipeline.events import Event
from huskies_core.pipeline.stages import ArchiveReason
from huskies_core.project import Project
from huskies_core.store import stories
from huskies_core.store.connection import Store, create
from huskies_core.store.transitions import apply_event
from support.stories import DRAFT, NOW, add_story

INSERT = (
    'INSERT INTO journal (at, kind, story, event, "before", "after", actor)'
    " VALUES ('2026-03-01T12:00:00.000Z', 'transition', 1, 'qa_requested', 'coding', 'qa', 'user:bench')"
)
UPDATE = "UPDATE stories SET stage = ?, visit = ? WHERE id = 1"
LAP: tuple[Event, ...] = (events.Start(), events.QaRequested(), events.QaRejected("no"), events.Demote())


def transitions(folder: Path, scale: Scale) -> Iterator[Row]:
    """Compare an applied and committed event with its two rows written and committed by SQLite."""
    with opened(folder / "ours") as store, opened(folder / "bare") as plain, bare(plain) as commit:
        rates = alternating(event_on(store), commit, scale.rounds)
    yield Row("durable transitions", "a second", *rates, at_least=0.5)


def lookups(folder: Path, scale: Scale) -> Iterator[Row]:
    """Compare reading the open stories with and without many archived stories."""
    with opened(folder / "small") as small, opened(folder / "large") as large:
        for store in (small, large):
            for _ in range(10):
                add_story(store)
        archive(large, scale.stories)
        rates = alternating(lambda: open_stories(large), lambda: open_stories(small), scale.rounds)
    yield Row(f"reading 10 open among {scale.stories:,}", "a second", *rates, at_least=0.8)


ROWS = (transitions, lookups)


@contextmanager
def opened(root: Path) -> Iterator[Store]:
    (root / ".huskies").mkdir(parents=True)
    project = Project(root, root / ".git")
    create(project)
    with Store(project) as store:
        yield store


@contextmanager
def bare(store: Store) -> Iterator[Callable[[], None]]:
    """Return a function that commits the rows of a transition, on a connection with the settings of the store."""
    add_story(store)
    stage = cycle(("coding", "qa"))
    with closing(sqlite3.connect(store.project.database, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")

        def commit() -> None:
            db.execute("BEGIN IMMEDIATE")
            seq = db.execute(INSERT).lastrowid
            db.execute(UPDATE, (next(stage), seq))
            db.execute("COMMIT")

        yield commit


def event_on(store: Store) -> Callable[[], None]:
    """Return a function that applies the next event to a story, in a cycle."""
    story = add_story(store)
    visit, lead = story.visit, cycle(LAP)

    def apply_next() -> None:
        nonlocal visit
        with store.exclusive() as db:
            transition = apply_event(db, story.id, next(lead), visit=visit, actor="user:bench", now=NOW)
        visit = transition.seq

    return apply_next


def archive(store: Store, count: int) -> None:
    stage = stages.Archived("2026-03-01T12:00:00.000Z", ArchiveReason.COMPLETED)
    with store.exclusive() as db:
        for _ in range(count):
            stories.add(db, DRAFT, stage, actor="user:bench", now=NOW, event="imported")


def open_stories(store: Store) -> None:
    with store.reading() as db:
        stories.open_stories(db)
