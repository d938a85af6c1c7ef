"""The version of the schema, and the migration of older databases."""

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
"""The files in `migrations`, in order. The first one turns an empty database into version 1."""

NEWEST = len(MIGRATIONS)


def migrate(db: sqlite3.Connection) -> None:
    """Migrate an empty or older database to this version, in one transaction. A crash leaves it unchanged."""
    bring_up(db, scripts())


def bring_up(db: sqlite3.Connection, steps: Sequence[str]) -> None:
    """Run the steps that the database lacks. Its version is the number of steps that ran before."""
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
    """Return the version of the schema. Raise HuskiesError if the database is empty, or newer than this code."""
    version = stored_version(db)
    if version == 0:
        raise damaged("it is empty")
    if version > NEWEST:
        raise HuskiesError(
            f"the store has version {version}, but this huskies supports only version {NEWEST}",
            hint="Upgrade huskies: a newer version has changed this project.",
            code="newer_store",
        )
    return version


def stored_version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
