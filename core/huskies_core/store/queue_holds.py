"""Queue holds: a broken base branch stops the whole merge queue, and a checkout of the base branch with uncommitted
changes or an unfinished git operation stops the merge of one story. Neither is a failure of the story."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from huskies_core.clock import to_iso
from huskies_core.ids import StoryId
from huskies_core.store import journal
from huskies_core.store.journal import JournalKind
from huskies_core.store.rows import reader, to_text
from huskies_core.store.tables import Table

QUEUE = StoryId(0)
"""The story id of a hold on the whole queue."""


class QueueHoldKind(StrEnum):
    BASE_BROKEN = "base_broken"
    BASE_DIRTY = "base_dirty"


class QueueHold(Struct, frozen=True):
    kind: QueueHoldKind
    story: StoryId
    detail: Mapping[str, Any]
    since: str


_HOLDS: Table[QueueHold, StoryId] = Table("holds", reader(QueueHold))


def put(
    db: sqlite3.Connection,
    kind: QueueHoldKind,
    story: StoryId,
    detail: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
) -> None:
    """Begin a hold, with a journal row, or replace the detail of a hold that exists."""
    present = db.execute("SELECT 1 FROM holds WHERE kind = ? AND story = ?", (kind, story)).fetchone()
    db.execute(
        "INSERT INTO holds VALUES (?, ?, ?, ?)"
        " ON CONFLICT (kind, story) DO UPDATE SET detail = excluded.detail",
        (kind, story, to_text(detail), to_iso(now)),
    )
    if present is None:
        _record(db, "hold_began", QueueHold(kind, story, detail, ""), actor=actor, now=now)


def release(db: sqlite3.Connection, hold: QueueHold, *, actor: str, now: datetime) -> None:
    """End a hold. Do nothing if it has ended."""
    done = db.execute("DELETE FROM holds WHERE kind = ? AND story = ?", (hold.kind, hold.story))
    if done.rowcount:
        _record(db, "hold_ended", hold, actor=actor, now=now)


def release_story(
    db: sqlite3.Connection, story: StoryId, *, actor: str, now: datetime, kind: QueueHoldKind | None = None
) -> None:
    """End the holds on a story, or on the whole queue, all of them or those of one kind."""
    for hold in everything(db):
        if hold.story == story and kind in (None, hold.kind):
            release(db, hold, actor=actor, now=now)


def everything(db: sqlite3.Connection) -> tuple[QueueHold, ...]:
    return _HOLDS.select(db, "ORDER BY kind, story")


def _record(db: sqlite3.Connection, event: str, hold: QueueHold, *, actor: str, now: datetime) -> None:
    story = hold.story or None
    detail = {"hold": hold.kind.value, **hold.detail}
    journal.append(db, JournalKind.QUEUE, event, actor=actor, now=now, story=story, detail=detail)
