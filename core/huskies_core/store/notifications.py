"""Notifications. A row is claimed before its message is sent, so each message is sent at most once."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, to_builtins

from huskies_core.clock import to_iso
from huskies_core.ids import NotificationId
from huskies_core.store import journal
from huskies_core.store.journal import JournalKind
from huskies_core.store.rows import reader, to_text
from huskies_core.store.tables import JobTable

MOST = 1000


class NotificationStatus(StrEnum):
    OPEN = "open"
    SENT = "sent"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Delivery(Struct, frozen=True, rename={"problem": "trouble"}):
    """The result of sending a message on one channel; `problem` is empty if the channel accepted it."""

    channel: str
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.channel}: {self.problem or 'sent'}"


class Notification(Struct, frozen=True):
    id: NotificationId
    message: Mapping[str, Any]
    at: str
    status: NotificationStatus
    channels: tuple[Delivery, ...]

    @property
    def problem(self) -> str:
        """Return the failed channels with their problems as text; empty if no channel failed."""
        return _problems(self.channels)


_NOTIFICATIONS: JobTable[Notification, NotificationId] = JobTable(
    "notifications", reader(Notification), "notification"
)
load, still_open = _NOTIFICATIONS.find, _NOTIFICATIONS.still_open
has_before, expire = _NOTIFICATIONS.has_before, _NOTIFICATIONS.expire


def claim(db: sqlite3.Connection, message: Mapping[str, Any], *, now: datetime) -> Notification:
    """Insert an open notification. Only the process that claimed it sends it."""
    return _NOTIFICATIONS.claim(db, {"message": to_text(message)}, now=now)


def end(
    db: sqlite3.Connection,
    number: NotificationId,
    status: NotificationStatus,
    channels: Sequence[Delivery],
    *,
    actor: str,
    now: datetime,
) -> None:
    """Record the end of a notification, with a journal row if it was not sent. Raise Overtaken if it has ended."""
    row = {"status": status, "channels": to_text(to_builtins(channels))}
    _NOTIFICATIONS.end(db, number, row, subject=str(number))
    if status is not NotificationStatus.SENT:
        detail = {"notification": number, "detail": _problems(channels)}
        kind, event = JournalKind.QUEUE, f"notification_{status.value}"
        journal.append(db, kind, event, actor=actor, now=now, detail=detail)


def recent(db: sqlite3.Connection) -> tuple[Notification, ...]:
    """Return the newest notifications, newest first."""
    return _NOTIFICATIONS.select(db, "ORDER BY id DESC LIMIT ?", (MOST,))


def undelivered_since(db: sqlite3.Connection, moment: datetime) -> tuple[Notification, ...]:
    """Return the notifications since then that failed on a channel or were interrupted, oldest first."""
    clauses = "WHERE at >= ? AND status IN ('failed', 'interrupted') ORDER BY at"
    return _NOTIFICATIONS.select(db, clauses, (to_iso(moment),))


def _problems(channels: Sequence[Delivery]) -> str:
    return "; ".join(str(delivery) for delivery in channels if delivery.problem)
