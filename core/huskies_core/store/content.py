"""What runs leave for the next run of a story, under a key: outputs, notes, conflicts. Gone at its end."""

import sqlite3
from datetime import datetime

from huskies_core.clock import to_iso

GATE_OUTPUT = "gate_output"
QA_NOTES = "qa_notes"
MERGE_FAILURE = "merge_failure"
SESSIONS = "sessions"


def put(db: sqlite3.Connection, story: int, key: str, value: str, *, now: datetime) -> None:
    db.execute(
        "INSERT INTO content VALUES (?, ?, ?, ?)"
        " ON CONFLICT (story, key) DO UPDATE SET value = excluded.value, at = excluded.at",
        (story, key, value, to_iso(now)),
    )


def of_story(db: sqlite3.Connection, story: int) -> dict[str, str]:
    rows = db.execute("SELECT key, value FROM content WHERE story = ? ORDER BY key", (story,))
    return {row["key"]: row["value"] for row in rows}


def remove(db: sqlite3.Connection, story: int, key: str) -> None:
    db.execute("DELETE FROM content WHERE story = ? AND key = ?", (story, key))


def purge(db: sqlite3.Connection, story: int) -> int:
    """Removes all content of a story; returns how many keys there were."""
    return db.execute("DELETE FROM content WHERE story = ?", (story,)).rowcount


def left_over(db: sqlite3.Connection) -> tuple[tuple[int, int], ...]:
    """Terminal stories that still have content, each with its number of keys."""
    rows = db.execute(
        # CROSS JOIN keeps the order of the loops: content is small, the archive is not.
        """SELECT content.story, count(*) AS keys
           FROM content CROSS JOIN stories ON stories.id = content.story
           WHERE stories.stage IN ('done', 'archived', 'abandoned', 'superseded')
           GROUP BY content.story ORDER BY content.story"""
    )
    return tuple((row["story"], row["keys"]) for row in rows)
