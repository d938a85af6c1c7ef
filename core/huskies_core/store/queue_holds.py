"""What keeps merges waiting though no story failed: a broken base holds the queue, a dirty one a story."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from huskies_core.clock import to_iso
from huskies_core.store import journal

QUEUE = 0
"""Stands for the whole queue where a hold names a story."""


class QueueHoldKind(StrEnum):
    BASE_BROKEN = "base_broken"
    BASE_DIRTY = "base_dirty"


@dataclass(frozen=True)
class QueueHold:
    kind: QueueHoldKind
    story: int
    detail: Mapping[str, Any]
    since: str


def put(
    db: sqlite3.Connection,
    kind: QueueHoldKind,
    story: int,
    detail: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
) -> None:
    """Begins a hold, with one journal row; while it lasts only its detail is renewed."""
    known = db.execute("SELECT 1 FROM holds WHERE kind = ? AND story = ?", (kind, story)).fetchone()
    db.execute(
        "INSERT INTO holds VALUES (?, ?, ?, ?)"
        " ON CONFLICT (kind, story) DO UPDATE SET detail = excluded.detail",
        (kind.value, story, json.dumps(detail, ensure_ascii=False), to_iso(now)),
    )
    if known is None:
        _tell(db, "hold_began", QueueHold(kind, story, detail, ""), actor=actor, now=now)


def release(db: sqlite3.Connection, hold: QueueHold, *, actor: str, now: datetime) -> None:
    gone = db.execute("DELETE FROM holds WHERE kind = ? AND story = ?", (hold.kind.value, hold.story))
    if gone.rowcount:
        _tell(db, "hold_ended", hold, actor=actor, now=now)


def release_matching(
    db: sqlite3.Connection, kind: QueueHoldKind, story: int | None, *, actor: str, now: datetime
) -> None:
    """Ends the hold of that kind on a story, or on the queue; one that is gone already is fine."""
    for hold in everything(db):
        if hold.kind is kind and hold.story == (story or QUEUE):
            release(db, hold, actor=actor, now=now)


def release_story(db: sqlite3.Connection, story: int, *, actor: str, now: datetime) -> None:
    """Ends what holds that story alone: it has left the queue, or a person wants it tried again."""
    for hold in everything(db):
        if hold.story == story:
            release(db, hold, actor=actor, now=now)


def everything(db: sqlite3.Connection) -> tuple[QueueHold, ...]:
    rows = db.execute("SELECT * FROM holds ORDER BY kind, story")
    return tuple(
        QueueHold(QueueHoldKind(r["kind"]), r["story"], json.loads(r["detail"]), r["since"]) for r in rows
    )


def _tell(db: sqlite3.Connection, event: str, hold: QueueHold, *, actor: str, now: datetime) -> None:
    story = hold.story or None
    detail = {"hold": hold.kind.value, **hold.detail}
    journal.append(db, journal.Kind.QUEUE, event, actor=actor, now=now, story=story, detail=detail)
