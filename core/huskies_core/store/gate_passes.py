"""Which trees have passed which gates. A failure may be the day's: it is not kept but tried again."""

import sqlite3
from datetime import datetime

from huskies_core.clock import to_iso


def record(db: sqlite3.Connection, tree: str, definition: str, *, now: datetime) -> None:
    """`definition` is a digest of all that decides the outcome beside the tree."""
    db.execute(
        "INSERT INTO gate_passes VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (tree, definition, to_iso(now))
    )


def known(db: sqlite3.Connection, tree: str, definition: str) -> bool:
    found = db.execute("SELECT 1 FROM gate_passes WHERE tree = ? AND definition = ?", (tree, definition))
    return found.fetchone() is not None


def has_before(db: sqlite3.Connection, moment: datetime) -> bool:
    """Whether a pass is older than `moment`."""
    found = db.execute("SELECT 1 FROM gate_passes WHERE at < ? LIMIT 1", (to_iso(moment),))
    return found.fetchone() is not None


def expire(db: sqlite3.Connection, before: datetime) -> int:
    """Forgets passes older than `before`; returns how many."""
    return db.execute("DELETE FROM gate_passes WHERE at < ?", (to_iso(before),)).rowcount
