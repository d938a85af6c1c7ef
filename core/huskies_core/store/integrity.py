"""Checks of the database: errors that SQLite finds, and tables that contradict each other."""

import sqlite3

from huskies_core.store.journal import head
from huskies_core.store.rows import scalar

ENGINE = sqlite3.sqlite_version
"""The version of SQLite."""

_MOST = 5
"""The number of rows that a report names for each kind of error."""

_AHEAD = (
    "SELECT 'cursor ' || name AS reader, seq FROM cursors WHERE seq > :head",
    "SELECT 'trigger ' || id AS reader, since AS seq FROM triggers WHERE since > :head",
)
_COUNTED = {
    "journal": "seq",
    "runs": "id",
    "timers": "id",
    "triggers": "id",
    "firings": "id",
    "notifications": "id",
}


def damage(db: sqlite3.Connection) -> tuple[str, ...]:
    """Return the errors that SQLite finds in the file and in the references between rows."""
    pages = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
    broken = [
        f"{row['table']} {row['rowid']} refers to a row that is missing"
        for row in db.execute("PRAGMA foreign_key_check")
    ]
    return (*(page for page in pages if page != "ok"), *broken[:_MOST])


def contradictions(db: sqlite3.Connection) -> tuple[str, ...]:
    """Return a sentence for each story with a stage or time that differs from its newest transition.

    A story without a transition was created and never moved.
    """
    rows = db.execute(
        """
        SELECT stories.id, stories.stage, stories.stage_entered_at, journal.at, journal.story,
               coalesce(journal."after", 'backlog') AS led_to,
               (SELECT max(seq) FROM journal AS later WHERE later.story = stories.id
                    AND later.kind = 'transition' AND later.seq > stories.visit) AS later
        FROM stories LEFT JOIN journal ON journal.seq = stories.visit
        WHERE journal.story IS NOT stories.id OR stories.stage IS NOT led_to
           OR stories.stage_entered_at IS NOT journal.at OR later IS NOT NULL
        ORDER BY stories.id LIMIT ?
        """,
        (_MOST,),
    )
    return tuple(map(_contradiction, rows))


def ahead_of_journal(db: sqlite3.Connection) -> tuple[str, ...]:
    """Return the readers with a position past the end of the journal, as after the restore of an older copy."""
    end = head(db)
    ahead = (row for query in _AHEAD for row in db.execute(query, {"head": end}))
    return tuple(f"{row['reader']} is at {row['seq']}, the journal ends at {end}" for row in ahead)


def pull_back(db: sqlite3.Connection) -> None:
    """Move those readers to the end of the journal. They have read all rows before it and will read all after it."""
    end = head(db)
    db.execute("UPDATE cursors SET seq = ? WHERE seq > ?", (end, end))
    db.execute("UPDATE triggers SET since = ? WHERE since > ?", (end, end))


def low_counters(db: sqlite3.Connection) -> tuple[str, ...]:
    """Return the counters that would give a number twice. Stories have no counter: the next id follows the highest."""
    counters = {
        str(row["name"]): int(row["seq"]) for row in db.execute("SELECT name, seq FROM sqlite_sequence")
    }
    highest = {
        table: int(scalar(db, f"SELECT coalesce(max({key}), 0) FROM {table}"))
        for table, key in _COUNTED.items()
    }
    return tuple(
        f"the counter of {table} is {counters.get(table, 0)}, but {most} exists"
        for table, most in highest.items()
        if counters.get(table, 0) < most
    )


def _contradiction(row: sqlite3.Row) -> str:
    story = f"story {row['id']}"
    if row["story"] != row["id"]:
        return f"{story} has no journal row for its stage"
    if row["later"] is not None:
        return f"{story} is not in the stage of its later journal row {row['later']}"
    if row["stage"] != row["led_to"]:
        return f"{story} is in {row['stage']}, the journal has {row['led_to']}"
    return f"{story} entered its stage at {row['stage_entered_at']}, the journal has {row['at']}"
