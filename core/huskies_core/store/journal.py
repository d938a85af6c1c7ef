"""The journal: all that happened, in order. A row is written in the transaction of the change it tells of."""

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
from huskies_core.store import causation


class Kind(StrEnum):
    TRANSITION = "transition"
    STORY = "story"
    RUN = "run"
    WORKTREE = "worktree"
    GIT = "git"
    TIMER = "timer"
    TRIGGER = "trigger"
    QUEUE = "queue"


@dataclass(frozen=True)
class Entry:
    """One row. `before` and `after` are stage names, of transitions alone; `seq` rises strictly."""

    seq: Seq
    at: str
    kind: Kind
    story: StoryId | None
    event: str
    before: str | None
    after: str | None
    actor: str
    detail: Mapping[str, Any]


def append(
    db: sqlite3.Connection,
    kind: Kind,
    event: str,
    *,
    actor: str,
    now: datetime,
    story: int | None = None,
    stages: tuple[str | None, str | None] = (None, None),
    detail: Mapping[str, Any] | None = None,
) -> Seq:
    """Writes a row into the running transaction and returns its seq. What happens to a story tells which firing led to
    it, if one did."""
    of_story = kind in (Kind.TRANSITION, Kind.STORY)
    cause = causation.link(db, story, actor) if of_story and story is not None else {}
    written = json.dumps({**(detail or {}), **cause}, ensure_ascii=False)
    row = (to_iso(now), kind.value, story, event, *stages, actor, written)
    done = db.execute(
        'INSERT INTO journal (at, kind, story, event, "before", "after", actor, detail)'
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    assert done.lastrowid is not None
    return Seq(done.lastrowid)


def head(db: sqlite3.Connection) -> Seq:
    """The newest seq, 0 while nothing has happened."""
    row = db.execute("SELECT seq FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    return Seq(0 if row is None else row["seq"])


AUDITED = (Kind.TRANSITION, Kind.TIMER, Kind.TRIGGER)
"""What the audit log tells of: what happened to stories, and what was fired by itself."""
_MARKS = ", ".join("?" * len(AUDITED))


def load(db: sqlite3.Connection, seq: int) -> Entry:
    """The row of a seq that is known to exist: the journal forgets nothing."""
    return _entry(db.execute("SELECT * FROM journal WHERE seq = ?", (seq,)).fetchone())


def last_transition(db: sqlite3.Connection) -> int:
    """The seq of the newest transition, 0 while there is none."""
    return int(
        db.execute("SELECT coalesce(max(seq), 0) FROM journal WHERE kind = 'transition'").fetchone()[0]
    )


def audited_after(db: sqlite3.Connection, seq: int, limit: int = 1000) -> tuple[Entry, ...]:
    """The next rows behind a cursor that the audit log tells of, oldest first."""
    rows = db.execute(
        f"SELECT * FROM journal WHERE seq > ? AND kind IN ({_MARKS}) ORDER BY seq LIMIT ?",
        (seq, *AUDITED, limit),
    )
    return tuple(map(_entry, rows))


def count_audited_after(db: sqlite3.Connection, seq: int, *, most: int) -> int:
    """How many rows for the audit log lie behind a position; counting ends at `most`."""
    behind = f"SELECT 1 FROM journal WHERE seq > ? AND kind IN ({_MARKS}) LIMIT ?"
    found = db.execute(f"SELECT count(*) FROM ({behind})", (seq, *AUDITED, most))
    return int(found.fetchone()[0])


def transitions_after(db: sqlite3.Connection, seq: int, limit: int = 1000) -> tuple[Entry, ...]:
    """The next transitions behind a cursor, oldest first."""
    rows = db.execute(
        "SELECT * FROM journal WHERE kind = 'transition' AND seq > ? ORDER BY seq LIMIT ?", (seq, limit)
    )
    return tuple(map(_entry, rows))


def latest(db: sqlite3.Connection, kinds: Collection[Kind], limit: int) -> tuple[Entry, ...]:
    """The newest rows of these kinds, oldest first."""
    wanted = ", ".join("?" * len(kinds))
    rows = db.execute(
        f"SELECT * FROM journal WHERE kind IN ({wanted}) ORDER BY seq DESC LIMIT ?", (*kinds, limit)
    )
    return tuple(map(_entry, rows))[::-1]


def entries_after(
    db: sqlite3.Connection, seq: int, *, story: int | None = None, limit: int = 1000
) -> tuple[Entry, ...]:
    """The next rows of every kind behind a position, of one story or of all, oldest first."""
    of_story = "" if story is None else "AND story = :story"
    rows = db.execute(
        f"SELECT * FROM journal WHERE seq > :seq {of_story} ORDER BY seq LIMIT :limit",
        {"seq": seq, "story": story, "limit": limit},
    )
    return tuple(map(_entry, rows))


def count_transitions_after(db: sqlite3.Connection, seq: int) -> int:
    """How many transitions lie behind a cursor."""
    found = db.execute("SELECT count(*) FROM journal WHERE kind = 'transition' AND seq > ?", (seq,))
    return int(found.fetchone()[0])


_NOTABLE = """
FROM journal WHERE seq > :seq AND event IN (SELECT value FROM json_each(:events))
    AND NOT (event = 'merge_failed' AND "before" IS 'merge_failure')
"""
"""A merge that fails again where it failed, without having been tried anew, is no news."""


def count_notable_after(db: sqlite3.Connection, seq: int, events: Collection[str]) -> int:
    """How many rows of those events lie behind a position."""
    asked = {"seq": seq, "events": json.dumps(list(events))}
    return int(db.execute(f"SELECT count(*) {_NOTABLE}", asked).fetchone()[0])


def notable_after(
    db: sqlite3.Connection, seq: int, events: Collection[str], *, most: int
) -> tuple[Entry, ...]:
    """The newest rows of those events behind a position, oldest first."""
    asked = {"seq": seq, "events": json.dumps(list(events)), "most": most}
    rows = db.execute(f"SELECT * {_NOTABLE} ORDER BY seq DESC LIMIT :most", asked)
    return tuple(reversed([_entry(row) for row in rows]))


_RESTARTS = ", ".join(f"'{row.event.name}'" for row in TABLE if row.restarts)
"""In the table's order: SQLite uses the index journal_fresh_starts only for the very list in its definition."""


def merge_failures(db: sqlite3.Connection, *, least: int) -> dict[int, int]:
    """How often merging failed, of stories that are on their way and where it did `least` times or more.

    Counted are merge_failed rows of kind gates_failed and other since the story's last start, unblock or reopen.
    """
    rows = db.execute(
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
    return {row["id"]: row["failures"] for row in rows}


def _entry(row: sqlite3.Row) -> Entry:
    fields: dict[str, Any] = {**dict(row), "kind": Kind(row["kind"]), "detail": json.loads(row["detail"])}
    return Entry(**fields)
