"""Single values of the project, such as its base branch, and facts for readers that do not load the configuration."""

import sqlite3

from huskies_core.store.rows import scalar

BASE_BRANCH = "base_branch"
CONFIG_STAMP = "config_stamp"
"""Times, sizes and inodes of the configuration files when they were last read."""
HYGIENE = "hygiene"
"""A fingerprint of the parts of the repository that agents must not change."""
GATEWAY = "gateway"
"""Not empty if the configuration sets a gateway."""
NOTIFY = "notify"
"""Not empty if the configuration sets a notification channel."""
RELAY_FAILURES = "relay_failures"
"""The number of failures in a row to reach the gateway."""
RELAY_TROUBLE = "relay_trouble"
"""The last error of the relay."""


def get(db: sqlite3.Connection, key: str) -> str | None:
    value: str | None = scalar(db, "SELECT value FROM facts WHERE key = ?", (key,))
    return value


def remove(db: sqlite3.Connection, key: str) -> None:
    db.execute("DELETE FROM facts WHERE key = ?", (key,))


def put(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute(
        "INSERT INTO facts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
    )
