"""Whether the database is whole, as SQLite itself sees it."""

import sqlite3


def damage(db: sqlite3.Connection) -> tuple[str, ...]:
    """What SQLite finds wrong with the file and with references between rows; () when nothing is."""
    pages = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
    broken = [
        f"{row['table']} {row['rowid']} refers to what is gone"
        for row in db.execute("PRAGMA foreign_key_check")
    ]
    return (*(found for found in pages if found != "ok"), *broken[:5])
