"""The trees that have passed the gates. Failures are not recorded, because a gate can fail by accident."""

import sqlite3
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.store.rows import scalar
from huskies_core.store.tables import Table

_PASSES: Table[dict[str, str], int] = Table("gate_passes", dict)
has_before, expire = _PASSES.has_before, _PASSES.expire


def record(db: sqlite3.Connection, tree: str, definition: str, *, now: datetime) -> None:
    """Record that a tree passed. `definition` is a digest of everything else that the result depends on."""
    db.execute(
        "INSERT INTO gate_passes VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (tree, definition, to_iso(now))
    )


def known(db: sqlite3.Connection, tree: str, definition: str) -> bool:
    query = "SELECT 1 FROM gate_passes WHERE tree = ? AND definition = ?"
    return scalar(db, query, (tree, definition)) is not None
