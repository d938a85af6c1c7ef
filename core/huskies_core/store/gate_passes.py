"""The trees that have passed the gates. Failures are not recorded, because a gate can fail by accident."""

import sqlite3
from datetime import datetime

from huskies_core.clock import to_iso


def record(db: sqlite3.Connection, tree: str, definition: str, *, now: datetime) -> None:
    """Record that a tree passed. `definition` is a digest of everything else that the result depends on."""
    db.execute(
        "INSERT INTO gate_passes VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (tree, definition, to_iso(now))
    )


def known(db: sqlite3.Connection, tree: str, definition: str) -> bool:
    query = "SELECT 1 FROM gate_passes WHERE tree = ? AND definition = ?"
    return db.execute(query, (tree, definition)).fetchone() is not None


def has_before(db: sqlite3.Connection, moment: datetime) -> bool:
    """Return whether `expire` would remove a row."""
    query = "SELECT 1 FROM gate_passes WHERE at < ? LIMIT 1"
    return db.execute(query, (to_iso(moment),)).fetchone() is not None


def expire(db: sqlite3.Connection, before: datetime) -> int:
    """Remove passes older than `before` and return their number."""
    return db.execute("DELETE FROM gate_passes WHERE at < ?", (to_iso(before),)).rowcount
