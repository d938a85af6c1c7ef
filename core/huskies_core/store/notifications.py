"""Notifications: claimed here before they are sent, so that nobody is told twice; one that never ended is told of."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from huskies_core.clock import to_iso
from huskies_core.errors import Overtaken
from huskies_core.ids import NotificationId
from huskies_core.store import journal

MOST = 1000


class Status(StrEnum):
    OPEN = "open"
    SENT = "sent"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Delivery:
    """What became of a message on one channel; `trouble` is empty where it was taken."""

    channel: str
    trouble: str = ""

    def __str__(self) -> str:
        return f"{self.channel}: {self.trouble or 'sent'}"


@dataclass(frozen=True)
class Notification:
    id: NotificationId
    message: Mapping[str, Any]
    at: str
    status: Status
    channels: tuple[Delivery, ...]

    @property
    def trouble(self) -> str:
        """Why not everybody was told; empty where they were, or are about to be."""
        return "; ".join(str(one) for one in self.channels if one.trouble)


def claim(db: sqlite3.Connection, message: Mapping[str, Any], *, now: datetime) -> Notification:
    """Writes it, open: from then on it is sent by who claimed it, or not at all."""
    text, at = json.dumps(message, ensure_ascii=False), to_iso(now)
    done = db.execute("INSERT INTO notifications (message, at, status) VALUES (?, ?, 'open')", (text, at))
    assert done.lastrowid is not None
    return Notification(NotificationId(done.lastrowid), message, at, Status.OPEN, ())


def end(
    db: sqlite3.Connection,
    number: int,
    status: Status,
    channels: Sequence[Delivery],
    *,
    actor: str,
    now: datetime,
) -> None:
    """Records how it ended, with a journal row where not everybody was told. Raises Overtaken when that is known."""
    told = json.dumps([asdict(one) for one in channels], ensure_ascii=False)
    changed = db.execute(
        "UPDATE notifications SET status = ?, channels = ? WHERE id = ? AND status = 'open'",
        (status.value, told, number),
    )
    if not changed.rowcount:
        raise Overtaken(f"notification {number} has ended", code="stale", subject=str(number))
    if status is not Status.SENT:
        why = "; ".join(str(one) for one in channels if one.trouble)
        detail = {"notification": number, "detail": why}
        kind, event = journal.Kind.QUEUE, f"notification_{status.value}"
        journal.append(db, kind, event, actor=actor, now=now, detail=detail)


def load(db: sqlite3.Connection, number: int) -> Notification | None:
    row = db.execute("SELECT * FROM notifications WHERE id = ?", (number,)).fetchone()
    return None if row is None else _notification(row)


def still_open(db: sqlite3.Connection) -> tuple[Notification, ...]:
    """Those that are being sent; whether anybody does so still their lock tells."""
    rows = db.execute("SELECT * FROM notifications WHERE status = 'open' ORDER BY id")
    return tuple(map(_notification, rows))


def recent(db: sqlite3.Connection) -> tuple[Notification, ...]:
    """The latest ones, the latest first."""
    rows = db.execute("SELECT * FROM notifications ORDER BY id DESC LIMIT ?", (MOST,))
    return tuple(map(_notification, rows))


def undelivered_since(db: sqlite3.Connection, moment: datetime) -> tuple[Notification, ...]:
    """Those since then that failed on a channel or were interrupted, oldest first."""
    rows = db.execute(
        "SELECT * FROM notifications WHERE at >= ? AND status IN ('failed', 'interrupted') ORDER BY at",
        (to_iso(moment),),
    )
    return tuple(map(_notification, rows))


def has_before(db: sqlite3.Connection, moment: datetime) -> bool:
    row = db.execute(
        "SELECT 1 FROM notifications WHERE at < ? AND status <> 'open' LIMIT 1", (to_iso(moment),)
    )
    return row.fetchone() is not None


def expire(db: sqlite3.Connection, moment: datetime) -> int:
    """Forgets what ended and was claimed before that time; returns how many."""
    gone = db.execute("DELETE FROM notifications WHERE at < ? AND status <> 'open'", (to_iso(moment),))
    return gone.rowcount


def _notification(row: sqlite3.Row) -> Notification:
    return Notification(
        id=row["id"],
        message=json.loads(row["message"]),
        at=row["at"],
        status=Status(row["status"]),
        channels=tuple(Delivery(**one) for one in json.loads(row["channels"])),
    )
