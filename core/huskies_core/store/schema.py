"""The version of the database, and how an older one becomes this code's."""

import sqlite3

from huskies_core.errors import HuskiesError
from huskies_core.store.trouble import damaged

MIGRATIONS = ("0001_initial.sql",)
"""The files in `migrations`, in order; the first takes an empty database to version 1."""

NEWEST = len(MIGRATIONS)


def migrate(db: sqlite3.Connection) -> None:
    """Brings an empty or older database to this version in one transaction: a crash leaves it as it was."""
    missing = MIGRATIONS[stored_version(db) :]
    if not missing:
        return
    script = "".join(map(_sql, missing))
    db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {NEWEST};\nCOMMIT;")


def check_version(db: sqlite3.Connection) -> int:
    """The schema's version. Raises HuskiesError when the database is empty, or newer than this code."""
    found = stored_version(db)
    if found == 0:
        raise damaged("it is empty")
    if found > NEWEST:
        raise HuskiesError(
            f"the store is of version {found}, this huskies knows {NEWEST}",
            hint="Upgrade huskies: a newer one has worked on this project.",
            code="newer_store",
        )
    return found


def stored_version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _sql(name: str) -> str:
    from importlib import resources

    return (resources.files("huskies_core.store") / "migrations" / name).read_text(encoding="utf-8")
