"""Which feature branches this store made. The record comes before the branch, so that a crash
between the two leaves no branch that nobody owns."""

import sqlite3
from datetime import datetime

from huskies_core.clock import to_iso


def record(db: sqlite3.Connection, story: int, base_commit: str, *, now: datetime) -> None:
    """Claims the story's branch; one that is recorded already keeps the commit it began from."""
    db.execute(
        "INSERT INTO branches VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (story, base_commit, to_iso(now))
    )


def move(db: sqlite3.Connection, story: int, base_commit: str) -> None:
    """The branch, which has no commits of its own yet, begins from a later commit now."""
    db.execute("UPDATE branches SET base_commit = ? WHERE story = ?", (base_commit, story))


def forget(db: sqlite3.Connection, story: int) -> None:
    db.execute("DELETE FROM branches WHERE story = ?", (story,))


def base_commit(db: sqlite3.Connection, story: int) -> str | None:
    """The commit the story's branch began from, or None when the store made none."""
    row = db.execute("SELECT base_commit FROM branches WHERE story = ?", (story,)).fetchone()
    return None if row is None else str(row["base_commit"])


def all_stories(db: sqlite3.Connection) -> frozenset[int]:
    return frozenset(row["story"] for row in db.execute("SELECT story FROM branches"))
