"""Firings: claimed here before anything is done, so that nothing is done twice; one that never ended is told of."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from huskies_core.clock import to_iso
from huskies_core.errors import Overtaken
from huskies_core.ids import ExecutionId, Seq, StoryId
from huskies_core.store import actions, journal
from huskies_core.store.actions import Action


class ExecutionStatus(StrEnum):
    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Execution:
    """`source` is the actor that acts, such as `timer:3`; `seq` the journal row that tells of the firing."""

    id: ExecutionId
    source: str
    cause: Seq | None
    depth: int
    seq: Seq
    deed: Action
    at: str
    status: ExecutionStatus

    @property
    def kind(self) -> journal.Kind:
        return journal.Kind(self.source.partition(":")[0])

    @property
    def number(self) -> int:
        """Which timer, or which trigger."""
        return int(self.source.partition(":")[2])


@dataclass(frozen=True)
class Claim:
    """What is to be done, in whose name and because of which transition. `told` goes into the journal's detail."""

    source: str
    deed: Action
    depth: int
    cause: Seq | None = None
    story: StoryId | None = None
    told: Mapping[str, Any] | None = None


def claim(db: sqlite3.Connection, wanted: Claim, *, now: datetime) -> Execution:
    """Writes the firing, open, and its journal row. Raises Overtaken when that cause has fired that source already."""
    if wanted.cause is not None and is_claimed(db, wanted.source, wanted.cause):
        raise Overtaken(f"{wanted.source} has fired on that already", code="stale", subject=wanted.source)
    kind = journal.Kind(wanted.source.partition(":")[0])
    action = actions.document(wanted.deed)
    detail = {**(wanted.told or {}), "action": action, "cause": wanted.cause, "depth": wanted.depth}
    seq = journal.append(db, kind, "fired", actor=wanted.source, now=now, story=wanted.story, detail=detail)
    done = db.execute(
        "INSERT INTO firings (source, cause, depth, seq, action, at, status) VALUES (?, ?, ?, ?, ?, ?, 'open')",
        (wanted.source, wanted.cause, wanted.depth, seq, actions.encode(wanted.deed), to_iso(now)),
    )
    assert done.lastrowid is not None
    return Execution(
        ExecutionId(done.lastrowid),
        wanted.source,
        wanted.cause,
        wanted.depth,
        seq,
        wanted.deed,
        to_iso(now),
        ExecutionStatus.OPEN,
    )


def end(
    db: sqlite3.Connection, firing: Execution, status: ExecutionStatus, detail: str, *, now: datetime
) -> None:
    """Records how a firing ended, with a journal row. Raises Overtaken when that is known already."""
    changed = db.execute(
        "UPDATE firings SET status = ? WHERE id = ? AND status = 'open'", (status.value, firing.id)
    )
    if not changed.rowcount:
        raise Overtaken(f"firing {firing.id} has ended", code="stale", subject=firing.source)
    told = {"firing": firing.seq, "detail": detail, "depth": firing.depth}
    journal.append(db, firing.kind, status.value, actor=firing.source, now=now, detail=told)


def load(db: sqlite3.Connection, number: int) -> Execution | None:
    row = db.execute("SELECT * FROM firings WHERE id = ?", (number,)).fetchone()
    return None if row is None else _firing(row)


def still_open(db: sqlite3.Connection, kind: journal.Kind) -> tuple[Execution, ...]:
    """What timers, or triggers, have begun and not ended; whether that lives its lock tells."""
    rows = db.execute("SELECT * FROM firings WHERE status = 'open' ORDER BY id")
    return tuple(firing for firing in map(_firing, rows) if firing.kind is kind)


def is_claimed(db: sqlite3.Connection, source: str, cause: int) -> bool:
    row = db.execute("SELECT 1 FROM firings WHERE source = ? AND cause = ?", (source, cause)).fetchone()
    return row is not None


def count_since(db: sqlite3.Connection, source: str, moment: datetime) -> int:
    found = db.execute("SELECT count(*) FROM firings WHERE source = ? AND at > ?", (source, to_iso(moment)))
    return int(found.fetchone()[0])


def has_before(db: sqlite3.Connection, moment: datetime) -> bool:
    row = db.execute("SELECT 1 FROM firings WHERE at < ? AND status <> 'open' LIMIT 1", (to_iso(moment),))
    return row.fetchone() is not None


def expire(db: sqlite3.Connection, moment: datetime) -> int:
    """Forgets what ended and began before that time; returns how many."""
    gone = db.execute("DELETE FROM firings WHERE at < ? AND status <> 'open'", (to_iso(moment),))
    return gone.rowcount


def _firing(row: sqlite3.Row) -> Execution:
    return Execution(
        id=row["id"],
        source=row["source"],
        cause=row["cause"],
        depth=row["depth"],
        seq=row["seq"],
        deed=actions.decode(row["action"]),
        at=row["at"],
        status=ExecutionStatus(row["status"]),
    )
