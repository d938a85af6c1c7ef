"""The position of each consumer of the journal. The consumer has not handled the rows after its cursor."""

import sqlite3

from huskies_core.ids import JOURNAL_START, Seq


def get(db: sqlite3.Connection, name: str) -> Seq:
    return find(db, name) or JOURNAL_START


def find(db: sqlite3.Connection, name: str) -> Seq | None:
    """Return the position, or None for a consumer that has never run."""
    row = db.execute("SELECT seq FROM cursors WHERE name = ?", (name,)).fetchone()
    return None if row is None else Seq(row["seq"])


def move(db: sqlite3.Connection, name: str, seq: Seq) -> None:
    """Move a cursor forward, never back."""
    db.execute(
        "INSERT INTO cursors VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = max(seq, excluded.seq)",
        (name, seq),
    )
