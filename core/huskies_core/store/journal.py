"""The journal: every change, in order. Each row is written in the transaction of the change that it records.

A row of a story names its cause: the execution that last moved the story, until a person changes the story.
"""

import json
import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from huskies_core.clock import to_iso
from huskies_core.errors import HuskiesError
from huskies_core.ids import JOURNAL_START, RunId, Seq, StoryId
from huskies_core.store import rows
from huskies_core.store.rows import Values, marks, scalar

Row = TypeVar("Row")


class JournalKind(StrEnum):
    TRANSITION = "transition"
    STORY = "story"
    RUN = "run"
    WORKTREE = "worktree"
    GIT = "git"
    TIMER = "timer"
    TRIGGER = "trigger"
    QUEUE = "queue"


class JournalEntry(Struct, frozen=True):
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


def parse_audit_line(kind: type[Row], line: bytes, log: Path, end: int) -> Row:
    """Return a JournalEntry, or a part of one, from the line of the audit log that ends at byte `end`.

    Raise HuskiesError `audit_damaged`.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError as error:
        fact = f"{log}: the line that ends at byte {end} is not valid"
        hint = "Move the file away, then write it again from the journal with 'huskies audit-log'."
        raise HuskiesError(fact, hint=hint, code="audit_damaged", subject=str(log)) from error


def _select(db: sqlite3.Connection, clauses: str, values: Values) -> tuple[JournalEntry, ...]:
    return tuple(map(_READ, db.execute(f"SELECT * FROM journal {clauses}", values)))


_READ = rows.reader(JournalEntry)


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
    cause = _link_cause(db, story, actor) if of_story and story is not None else {}
    before, after = stages
    row = {
        "at": to_iso(now),
        "kind": kind.value,
        "story": story,
        "event": event,
        "before": before,
        "after": after,
    }
    written = {**row, "actor": actor, "detail": rows.to_text({**(detail or {}), **cause})}
    return Seq(rows.insert(db, "journal", written))


def _link_cause(db: sqlite3.Connection, story: StoryId, actor: str) -> dict[str, Any]:
    """Return `cause`, a journal position, and `depth` for a change of the story by `actor`, if an execution led to it.

    An execution becomes the cause. A change by a pass or a run keeps the cause; a change by a person removes it.
    """
    if actor.startswith(("timer:", "trigger:")):
        cause = open_execution(db, actor)
        if cause:
            values = {"story": story, **cause}
            db.execute("INSERT OR REPLACE INTO chains VALUES (:story, :cause, :depth)", values)
        return cause
    if actor.startswith("user:"):
        db.execute("DELETE FROM chains WHERE story = ?", (story,))
        return {}
    row = db.execute("SELECT cause, depth FROM chains WHERE story = ?", (story,)).fetchone()
    return {} if row is None else dict(row)


def open_execution(db: sqlite3.Connection, actor: str) -> dict[str, Any]:
    """Return `cause` and `depth` of the open execution of `actor` with the greatest depth."""
    open_ones = "SELECT seq AS cause, depth FROM firings WHERE status = 'open' AND source = ?"
    row = db.execute(f"{open_ones} ORDER BY depth DESC LIMIT 1", (actor,)).fetchone()
    return {} if row is None else dict(row)


def head(db: sqlite3.Connection) -> Seq:
    """Return the newest seq, or 0 if the journal is empty."""
    return Seq(scalar(db, "SELECT coalesce(max(seq), 0) FROM journal"))


AUDITED = (JournalKind.TRANSITION, JournalKind.TIMER, JournalKind.TRIGGER)
"""The kinds of rows that the audit log contains."""


def load(db: sqlite3.Connection, seq: Seq) -> JournalEntry:
    """Return the row of an existing seq. Rows of the journal are never deleted."""
    return _select(db, "WHERE seq = ?", (seq,))[0]


def audited_after(db: sqlite3.Connection, seq: Seq, limit: int = 1000) -> tuple[JournalEntry, ...]:
    """Return the next rows for the audit log after a cursor, oldest first."""
    clauses = f"WHERE seq > ? AND kind IN ({marks(AUDITED)}) ORDER BY seq LIMIT ?"
    return _select(db, clauses, (seq, *AUDITED, limit))


def count_audited_after(db: sqlite3.Connection, seq: Seq, *, most: int) -> int:
    """Return the number of rows for the audit log after a position, at most `most`."""
    audited = f"SELECT 1 FROM journal WHERE seq > ? AND kind IN ({marks(AUDITED)}) LIMIT ?"
    return _count(db, f"SELECT count(*) FROM ({audited})", (seq, *AUDITED, most))


def transitions_after(db: sqlite3.Connection, seq: Seq, limit: int = 1000) -> tuple[JournalEntry, ...]:
    """Return the next transitions after a cursor, oldest first."""
    clauses = "WHERE kind = 'transition' AND seq > ? ORDER BY seq LIMIT ?"
    return _select(db, clauses, (seq, limit))


def count_transitions_after(db: sqlite3.Connection, seq: Seq) -> int:
    return _count(db, "SELECT count(*) FROM journal WHERE kind = 'transition' AND seq > ?", (seq,))


def latest(db: sqlite3.Connection, kinds: Collection[JournalKind], limit: int) -> tuple[JournalEntry, ...]:
    """Return the newest rows of these kinds, oldest first."""
    clauses = f"WHERE kind IN ({marks(kinds)}) ORDER BY seq DESC LIMIT ?"
    return _select(db, clauses, (*kinds, limit))[::-1]


def entries_after(
    db: sqlite3.Connection, seq: Seq, *, story: StoryId | None = None, limit: int = 1000
) -> tuple[JournalEntry, ...]:
    """Return the next rows of every kind after a position, of one story or of all, oldest first."""
    of_story = "" if story is None else "AND story = :story"
    clauses = f"WHERE seq > :seq {of_story} ORDER BY seq LIMIT :limit"
    return _select(db, clauses, {"seq": seq, "story": story, "limit": limit})


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
    return _select(db, f"{_NOTABLE} ORDER BY seq DESC LIMIT :most", values)[::-1]


def merge_failures(db: sqlite3.Connection, *, least: int) -> dict[StoryId, int]:
    """Return the number of failed merges of each story from coding to merge_failure that has at least `least`.

    Only failures of kind gates_failed and other count, since the last event that restarts the count.
    """
    from huskies_core.pipeline.state_machine import (
        TABLE,  # few commands that read the journal need the events
    )

    # The events in the table's order: SQLite uses the index journal_fresh_starts only for exactly this list.
    restarts = ", ".join(f"'{row.event.name}'" for row in TABLE if row.restarts)
    failures = db.execute(
        f"""
        SELECT stories.id, count(*) AS failures
        FROM stories JOIN journal ON journal.story = stories.id AND journal.event = 'merge_failed'
        WHERE stories.stage IN ('coding', 'qa', 'merge', 'merge_failure')
          AND json_extract(journal.detail, '$.kind') IN ('gates_failed', 'other')
          AND journal.seq > coalesce((SELECT max(fresh.seq) FROM journal AS fresh WHERE fresh.story = stories.id
                                      AND fresh.event IN ({restarts})), 0)
        GROUP BY stories.id HAVING count(*) >= ?
        """,
        (least,),
    )
    return {row["id"]: row["failures"] for row in failures}


def _count(db: sqlite3.Connection, query: str, values: Values) -> int:
    return int(scalar(db, query, values))


class RepositoryFinding(Struct, frozen=True):
    """A change of the repository that no agent should make; `runs` were live at that time."""

    at: str
    change: str
    runs: tuple[RunId, ...]


def findings_since(db: sqlite3.Connection, moment: datetime) -> tuple[RepositoryFinding, ...]:
    """Return the changes of the repository since `moment`, oldest first."""
    # The search begins at the newest row and goes back, so it reads only the rows since `moment`.
    last = scalar(db, "SELECT seq FROM journal WHERE at < ? ORDER BY seq DESC LIMIT 1", (to_iso(moment),))
    clauses = "WHERE seq > ? AND kind = 'git' AND event = 'repository_changed' ORDER BY seq"
    entries = _select(db, clauses, (last or JOURNAL_START,))
    with rows.reading_column("detail"):
        return tuple(
            RepositoryFinding(entry.at, entry.detail["change"], tuple(entry.detail.get("runs", ())))
            for entry in entries
        )


# Cursors: the position of each consumer. It has not handled the rows after its cursor.


def cursor(db: sqlite3.Connection, name: str) -> Seq:
    return find_cursor(db, name) or JOURNAL_START


def find_cursor(db: sqlite3.Connection, name: str) -> Seq | None:
    """Return the position, or None for a consumer that has never run."""
    position: Seq | None = scalar(db, "SELECT seq FROM cursors WHERE name = ?", (name,))
    return position


def move_cursor(db: sqlite3.Connection, name: str, seq: Seq) -> None:
    """Move a cursor forward, never back."""
    db.execute(
        "INSERT INTO cursors VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = max(seq, excluded.seq)",
        (name, seq),
    )
