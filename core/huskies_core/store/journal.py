"""The journal: every change, in order. Each row is written in the transaction of the change that it records."""

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from huskies_core.clock import to_iso
from huskies_core.ids import Seq, StoryId
from huskies_core.pipeline.state_machine import TABLE
from huskies_core.store import causation, rows
from huskies_core.store.rows import marks
from huskies_core.store.tables import Table, Values


class JournalKind(StrEnum):
    TRANSITION = "transition"
    STORY = "story"
    RUN = "run"
    WORKTREE = "worktree"
    GIT = "git"
    TIMER = "timer"
    TRIGGER = "trigger"
    QUEUE = "queue"


@dataclass(frozen=True)
class JournalEntry:
    """One row. Only transitions have `before` and `after`, which are names of stages."""

    seq: Seq
    at: str
    kind: JournalKind
    story: StoryId | None
    event: str
    before: str | None
    after: str | None
    actor: str
    detail: Mapping[str, Any]


_JOURNAL: Table[JournalEntry, Seq] = Table("journal", rows.reader(JournalEntry))


def append(
    db: sqlite3.Connection,
    kind: JournalKind,
    event: str,
    *,
    actor: str,
    now: datetime,
    story: StoryId | None = None,
    stages: tuple[str | None, str | None] = (None, None),
    detail: Mapping[str, Any] | None = None,
) -> Seq:
    """Insert a row in the running transaction and return its seq.

    If an execution led to a row about a story, the row's detail contains the cause.
    """
    of_story = kind in (JournalKind.TRANSITION, JournalKind.STORY)
    cause = causation.link(db, story, actor) if of_story and story is not None else {}
    before, after = stages
    row = {
        "at": to_iso(now),
        "kind": kind.value,
        "story": story,
        "event": event,
        "before": before,
        "after": after,
        "actor": actor,
        "detail": rows.to_text({**(detail or {}), **cause}),
    }
    return Seq(rows.insert(db, "journal", row))


def head(db: sqlite3.Connection) -> Seq:
    """Return the newest seq, or 0 if the journal is empty."""
    row = db.execute("SELECT seq FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    return Seq(0 if row is None else row["seq"])


AUDITED = (JournalKind.TRANSITION, JournalKind.TIMER, JournalKind.TRIGGER)
"""The kinds of rows that the audit log contains."""


def load(db: sqlite3.Connection, seq: Seq) -> JournalEntry:
    """Return the row of an existing seq. Rows of the journal are never deleted."""
    return _JOURNAL.select(db, "WHERE seq = ?", (seq,))[0]


def audited_after(db: sqlite3.Connection, seq: Seq, limit: int = 1000) -> tuple[JournalEntry, ...]:
    """Return the next rows for the audit log after a cursor, oldest first."""
    clauses = f"WHERE seq > ? AND kind IN ({marks(AUDITED)}) ORDER BY seq LIMIT ?"
    return _JOURNAL.select(db, clauses, (seq, *AUDITED, limit))


def count_audited_after(db: sqlite3.Connection, seq: Seq, *, most: int) -> int:
    """Return the number of rows for the audit log after a position, at most `most`."""
    audited = f"SELECT 1 FROM journal WHERE seq > ? AND kind IN ({marks(AUDITED)}) LIMIT ?"
    return _count(db, f"SELECT count(*) FROM ({audited})", (seq, *AUDITED, most))


def transitions_after(db: sqlite3.Connection, seq: Seq, limit: int = 1000) -> tuple[JournalEntry, ...]:
    """Return the next transitions after a cursor, oldest first."""
    clauses = "WHERE kind = 'transition' AND seq > ? ORDER BY seq LIMIT ?"
    return _JOURNAL.select(db, clauses, (seq, limit))


def count_transitions_after(db: sqlite3.Connection, seq: Seq) -> int:
    return _count(db, "SELECT count(*) FROM journal WHERE kind = 'transition' AND seq > ?", (seq,))


def latest(db: sqlite3.Connection, kinds: Collection[JournalKind], limit: int) -> tuple[JournalEntry, ...]:
    """Return the newest rows of these kinds, oldest first."""
    clauses = f"WHERE kind IN ({marks(kinds)}) ORDER BY seq DESC LIMIT ?"
    return _JOURNAL.select(db, clauses, (*kinds, limit))[::-1]


def entries_after(
    db: sqlite3.Connection, seq: Seq, *, story: StoryId | None = None, limit: int = 1000
) -> tuple[JournalEntry, ...]:
    """Return the next rows of every kind after a position, of one story or of all, oldest first."""
    of_story = "" if story is None else "AND story = :story"
    clauses = f"WHERE seq > :seq {of_story} ORDER BY seq LIMIT :limit"
    return _JOURNAL.select(db, clauses, {"seq": seq, "story": story, "limit": limit})


_NOTABLE = """
WHERE seq > :seq AND event IN (SELECT value FROM json_each(:events))
    AND NOT (event = 'merge_failed' AND "before" IS 'merge_failure')
"""
"""The condition omits a merge that failed again before a retry, because its first failure was reported."""


def count_notable_after(db: sqlite3.Connection, seq: Seq, events: Collection[str]) -> int:
    """Return the number of rows of those events after a position."""
    return _count(
        db, f"SELECT count(*) FROM journal {_NOTABLE}", {"seq": seq, "events": json.dumps(list(events))}
    )


def notable_after(
    db: sqlite3.Connection, seq: Seq, events: Collection[str], *, most: int
) -> tuple[JournalEntry, ...]:
    """Return the newest rows of those events after a position, oldest first."""
    values = {"seq": seq, "events": json.dumps(list(events)), "most": most}
    return _JOURNAL.select(db, f"{_NOTABLE} ORDER BY seq DESC LIMIT :most", values)[::-1]


_RESTARTS = ", ".join(f"'{row.event.name}'" for row in TABLE if row.restarts)
"""The events in the table's order. SQLite uses the index journal_fresh_starts only for exactly this list."""


def merge_failures(db: sqlite3.Connection, *, least: int) -> dict[StoryId, int]:
    """Return the number of failed merges of each story from coding to merge_failure that has at least `least`.

    Only failures of kind gates_failed and other count, since the last event that restarts the count.
    """
    failures = db.execute(
        f"""
        SELECT stories.id, count(*) AS failures
        FROM stories JOIN journal ON journal.story = stories.id AND journal.event = 'merge_failed'
        WHERE stories.stage IN ('coding', 'qa', 'merge', 'merge_failure')
          AND json_extract(journal.detail, '$.kind') IN ('gates_failed', 'other')
          AND journal.seq > coalesce((SELECT max(fresh.seq) FROM journal AS fresh WHERE fresh.story = stories.id
                                      AND fresh.event IN ({_RESTARTS})), 0)
        GROUP BY stories.id HAVING count(*) >= ?
        """,
        (least,),
    )
    return {row["id"]: row["failures"] for row in failures}


def _count(db: sqlite3.Connection, query: str, values: Values) -> int:
    return int(db.execute(query, values).fetchone()[0])
