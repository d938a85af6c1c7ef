"""Single facts about the project: its base branch, how the config files looked, the hygiene fingerprint, whether
the config sets a gateway, how often in a row it could not be reached and why the last time, whether
it has people told, the pause."""

import sqlite3

BASE_BRANCH = "base_branch"
CONFIG_STAMP = "config_stamp"
HYGIENE = "hygiene"
GATEWAY = "gateway"
NOTIFY = "notify"
RELAY_FAILURES = "relay_failures"
RELAY_TROUBLE = "relay_trouble"


def get(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row["value"])


def remove(db: sqlite3.Connection, key: str) -> None:
    db.execute("DELETE FROM facts WHERE key = ?", (key,))


def put(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute(
        "INSERT INTO facts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
    )
