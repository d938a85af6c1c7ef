"""Content: texts that runs leave for the next run of a story, such as output and notes. Terminal stories have none."""

import sqlite3
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.ids import StoryId

GATE_OUTPUT = "gate_output"
QA_NOTES = "qa_notes"
MERGE_FAILURE = "merge_failure"
SESSIONS = "sessions"


def put(db: sqlite3.Connection, story: StoryId, key: str, value: str, *, now: datetime) -> None:
    db.execute(
        "INSERT INTO content VALUES (?, ?, ?, ?)"
        " ON CONFLICT (story, key) DO UPDATE SET value = excluded.value, at = excluded.at",
        (story, key, value, to_iso(now)),
    )


def of_story(db: sqlite3.Connection, story: StoryId) -> dict[str, str]:
    items = db.execute("SELECT key, value FROM content WHERE story = ? ORDER BY key", (story,))
    return {row["key"]: row["value"] for row in items}


def remove(db: sqlite3.Connection, story: StoryId, key: str) -> None:
    db.execute("DELETE FROM content WHERE story = ? AND key = ?", (story, key))


def purge(db: sqlite3.Connection, story: StoryId) -> int:
    """Remove all content of a story; return the number of keys."""
    return db.execute("DELETE FROM content WHERE story = ?", (story,)).rowcount


def left_over(db: sqlite3.Connection) -> tuple[tuple[StoryId, int], ...]:
    """Return the terminal stories that still have content, each with its number of keys."""
    stories = db.execute(
        # CROSS JOIN makes SQLite scan content first: it is small, and the archive is not.
        """SELECT content.story, count(*) AS keys
           FROM content CROSS JOIN stories ON stories.id = content.story
           WHERE stories.stage IN ('done', 'archived', 'abandoned', 'superseded')
           GROUP BY content.story ORDER BY content.story"""
    )
    return tuple((row["story"], row["keys"]) for row in stories)
