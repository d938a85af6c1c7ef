"""The feature branches that Huskies created. Huskies writes the row before git creates the branch, so a crash between
the two leaves no branch without a row."""

import sqlite3
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.ids import StoryId
from huskies_core.store.rows import scalar


def record(db: sqlite3.Connection, story: StoryId, base_commit: str, *, now: datetime) -> None:
    """Record the story's branch. A branch that is recorded already keeps its base commit."""
    db.execute(
        "INSERT INTO branches VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (story, base_commit, to_iso(now))
    )


def move(db: sqlite3.Connection, story: StoryId, base_commit: str) -> None:
    """Replace the base commit of a branch that has no commits of its own."""
    db.execute("UPDATE branches SET base_commit = ? WHERE story = ?", (base_commit, story))


def forget(db: sqlite3.Connection, story: StoryId) -> None:
    db.execute("DELETE FROM branches WHERE story = ?", (story,))


def base_commit(db: sqlite3.Connection, story: StoryId) -> str | None:
    """Return the commit from which Huskies created the story's branch, or None if it created none."""
    commit: str | None = scalar(db, "SELECT base_commit FROM branches WHERE story = ?", (story,))
    return commit


def all_stories(db: sqlite3.Connection) -> frozenset[StoryId]:
    return frozenset(row["story"] for row in db.execute("SELECT story FROM branches"))
