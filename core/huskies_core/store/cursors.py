"""How far each consumer of the journal has come. A cursor that is behind is work to do, never lost news."""

import sqlite3


def get(db: sqlite3.Connection, name: str) -> int:
    return find(db, name) or 0


def find(db: sqlite3.Connection, name: str) -> int | None:
    """None for a consumer that has not begun."""
    row = db.execute("SELECT seq FROM cursors WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row["seq"])


def move(db: sqlite3.Connection, name: str, seq: int) -> None:
    """Moves a cursor forward; one that is further already stays."""
    db.execute(
        "INSERT INTO cursors VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = max(seq, excluded.seq)",
        (name, seq),
    )
