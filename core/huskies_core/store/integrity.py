"""Whether the database is whole, as SQLite sees it, and whether what its tables say of each other holds."""

import sqlite3
from collections.abc import Iterable

ENGINE = sqlite3.sqlite_version
"""Of SQLite."""

_MOST = 5
"""Of the rows that are wrong in one way, so many are named."""

_AHEAD = (
    "SELECT 'cursor ' || name AS who, seq FROM cursors WHERE seq > :head",
    "SELECT 'trigger ' || id AS who, since AS seq FROM triggers WHERE since > :head",
)


def damage(db: sqlite3.Connection) -> tuple[str, ...]:
    """What SQLite finds wrong with the file and with references between rows; () when nothing is."""
    pages = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
    broken = [
        f"{row['table']} {row['rowid']} refers to what is gone"
        for row in db.execute("PRAGMA foreign_key_check")
    ]
    return (*(found for found in pages if found != "ok"), *broken[:_MOST])


def contradictions(db: sqlite3.Connection) -> tuple[str, ...]:
    """Stories that stand elsewhere than their newest transition led, or since another moment. A story without one was
    created and never moved."""
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
    """Who has read further than the journal goes: a store that was put back from an older copy leaves such."""
    head = _head(db)
    found = (row for query in _AHEAD for row in db.execute(query, {"head": head}))
    return tuple(f"{row['who']} is at {row['seq']}, the journal ends at {head}" for row in found)


def pull_back(db: sqlite3.Connection) -> None:
    """Has them go on from the end of the journal: all before that they have read, of what comes they miss nothing."""
    head = _head(db)
    db.execute("UPDATE cursors SET seq = ? WHERE seq > ?", (head, head))
    db.execute("UPDATE triggers SET since = ? WHERE since > ?", (head, head))


def low_counters(db: sqlite3.Connection) -> tuple[str, ...]:
    """Counters that would give a number again which is in use. Stories have none: the next one is past the highest."""
    counted = {
        str(row["name"]): int(row["seq"]) for row in db.execute("SELECT name, seq FROM sqlite_sequence")
    }
    keys = {
        "journal": "seq",
        "runs": "id",
        "timers": "id",
        "triggers": "id",
        "firings": "id",
        "notifications": "id",
    }
    highest = {
        table: int(db.execute(f"SELECT coalesce(max({key}), 0) FROM {table}").fetchone()[0])
        for table, key in keys.items()
    }
    return tuple(_low(counted, highest))


def _low(counted: dict[str, int], highest: dict[str, int]) -> Iterable[str]:
    for table, most in highest.items():
        if counted.get(table, 0) < most:
            yield f"{table} are counted to {counted.get(table, 0)}, there is {most}"


def _contradiction(row: sqlite3.Row) -> str:
    story = f"story {row['id']} "
    if row["story"] != row["id"]:
        return story + "was brought where it stands by no row of its own in the journal"
    if row["later"] is not None:
        return story + f"does not stand where journal row {row['later']} led"
    if row["stage"] != row["led_to"]:
        return story + f"is in {row['stage']}, the journal has {row['led_to']}"
    return story + f"is there since {row['stage_entered_at']}, the journal has {row['at']}"


def _head(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0])
