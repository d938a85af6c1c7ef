"""The position of each consumer of the journal. The consumer has not handled the rows after its cursor."""

import sqlite3


def get(db: sqlite3.Connection, name: str) -> int:
    return find(db, name) or 0


def find(db: sqlite3.Connection, name: str) -> int | None:
    """Return the position, or None for a consumer that has never run."""
    row = db.execute("SELECT seq FROM cursors WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row["seq"])


def move(db: sqlite3.Connection, name: str, seq: int) -> None:
    """Move a cursor forward, never back."""
    db.execute(
        "INSERT INTO cursors VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = max(seq, excluded.seq)",
        (name, seq),
    )
