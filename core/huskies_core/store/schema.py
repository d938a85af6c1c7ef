"""The version of the database, and how an older one becomes this code's."""

import sqlite3
from collections.abc import Sequence

from huskies_core.errors import HuskiesError
from huskies_core.store.errors import damaged

MIGRATIONS = (
    "0001_initial.sql",
    "0002_timers.sql",
    "0003_rate_limits.sql",
    "0004_usage_final.sql",
    "0005_reached_budgets.sql",
    "0006_notifications.sql",
)
"""The files in `migrations`, in order; the first takes an empty database to version 1."""

NEWEST = len(MIGRATIONS)


def migrate(db: sqlite3.Connection) -> None:
    """Brings an empty or older database to this version in one transaction: a crash leaves it as it was."""
    bring_up(db, scripts())


def bring_up(db: sqlite3.Connection, steps: Sequence[str]) -> None:
    """Runs those of `steps` that the database has not seen; its version is how many it has."""
    missing = "".join(steps[stored_version(db) :])
    try:
        db.executescript(f"BEGIN IMMEDIATE;\n{missing}\nPRAGMA user_version = {len(steps)};\nCOMMIT;")
    finally:
        if db.in_transaction:
            db.rollback()


def scripts() -> tuple[str, ...]:
    from importlib import resources

    folder = resources.files("huskies_core.store") / "migrations"
    return tuple((folder / name).read_text(encoding="utf-8") for name in MIGRATIONS)


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
