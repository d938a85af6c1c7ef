"""The times at which each pass ran last and is due next. With them, a tick from cron and a loop behave alike."""

import sqlite3
from datetime import datetime

from msgspec import Struct

from huskies_core.clock import to_iso
from huskies_core.store.rows import from_row


class PassTime(Struct, frozen=True):
    last_at: datetime | None
    due_at: datetime | None

    def is_come(self, now: datetime) -> bool:
        """Return whether the due time, if the pass has one, has passed."""
        return self.due_at is not None and (self.due_at <= now or self.is_of_the_future(now))

    def waits(self, now: datetime) -> bool:
        return self.due_at is not None and not self.is_come(now)

    def is_of_the_future(self, now: datetime) -> bool:
        """Return whether the clock was set back since the times were written. The due time then counts as passed."""
        return self.last_at is not None and self.last_at > now


def get(db: sqlite3.Connection, name: str) -> PassTime:
    row = db.execute("SELECT last_at, due_at FROM pass_times WHERE pass = ?", (name,)).fetchone()
    return PassTime(None, None) if row is None else from_row(PassTime, row)


def record(db: sqlite3.Connection, name: str, *, last_at: datetime, due_at: datetime | None) -> None:
    """Write both times of a pass. If `due_at` is None, only a change makes the pass due."""
    db.execute(
        "INSERT INTO pass_times VALUES (?, ?, ?)"
        " ON CONFLICT (pass) DO UPDATE SET last_at = excluded.last_at, due_at = excluded.due_at",
        (name, to_iso(last_at), to_iso(due_at) if due_at else None),
    )


def bring_forward(db: sqlite3.Connection, name: str, moment: datetime) -> None:
    """Make a pass due at `moment`, unless it is due earlier."""
    db.execute(
        "INSERT INTO pass_times VALUES (?, NULL, ?)"
        " ON CONFLICT (pass) DO UPDATE SET due_at = min(coalesce(due_at, excluded.due_at), excluded.due_at)",
        (name, to_iso(moment)),
    )
