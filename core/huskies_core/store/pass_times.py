"""When each pass last ran and when it is due next, so that a tick from cron and a loop behave alike."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from huskies_core.clock import from_iso, to_iso


@dataclass(frozen=True)
class PassTime:
    last_at: datetime | None
    due_at: datetime | None

    def is_come(self, now: datetime) -> bool:
        """Whether there is a time at which it is due and that is past."""
        return self.due_at is not None and (self.due_at <= now or self.is_of_the_future(now))

    def waits(self, now: datetime) -> bool:
        return self.due_at is not None and not self.is_come(now)

    def is_of_the_future(self, now: datetime) -> bool:
        """Whether a clock that has been put back since wrote it: nobody waits until it is as late again."""
        return self.last_at is not None and self.last_at > now


def get(db: sqlite3.Connection, name: str) -> PassTime:
    row = db.execute("SELECT last_at, due_at FROM pass_times WHERE pass = ?", (name,)).fetchone()
    last, due = (None, None) if row is None else (row["last_at"], row["due_at"])
    return PassTime(from_iso(last) if last else None, from_iso(due) if due else None)


def record(db: sqlite3.Connection, name: str, *, last_at: datetime, due_at: datetime | None) -> None:
    """Writes both times of a pass; no `due_at` means that only a change makes it due."""
    db.execute(
        "INSERT INTO pass_times VALUES (?, ?, ?)"
        " ON CONFLICT (pass) DO UPDATE SET last_at = excluded.last_at, due_at = excluded.due_at",
        (name, to_iso(last_at), to_iso(due_at) if due_at else None),
    )


def bring_forward(db: sqlite3.Connection, name: str, moment: datetime) -> None:
    """Makes a pass due at `moment`, unless it is due earlier already."""
    db.execute(
        "INSERT INTO pass_times VALUES (?, NULL, ?)"
        " ON CONFLICT (pass) DO UPDATE SET due_at = min(coalesce(due_at, excluded.due_at), excluded.due_at)",
        (name, to_iso(moment)),
    )
