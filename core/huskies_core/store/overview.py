"""What a board counts over many rows: stories by stage, and what was found out about the repository lately."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.pipeline.stages import StageName


@dataclass(frozen=True)
class Finding:
    """A change of the repository that no agent should make; `runs` were live while it happened."""

    at: str
    change: str
    runs: tuple[int, ...]


def count_stories(db: sqlite3.Connection) -> dict[StageName, int]:
    """How many stories are in each stage that has any."""
    rows = db.execute("SELECT stage, count(*) AS stories FROM stories GROUP BY stage")
    return {StageName(row["stage"]): row["stories"] for row in rows}


def findings_since(db: sqlite3.Connection, moment: datetime) -> tuple[Finding, ...]:
    """What changed in the repository since then, oldest first."""
    # From the newest row backwards: only as much of the journal is read as is asked for.
    last = db.execute(
        "SELECT seq FROM journal WHERE at < ? ORDER BY seq DESC LIMIT 1", (to_iso(moment),)
    ).fetchone()
    rows = db.execute(
        "SELECT at, detail FROM journal WHERE seq > ? AND kind = 'git' AND event = 'repository_changed' ORDER BY seq",
        (0 if last is None else last["seq"],),
    )
    return tuple(_finding(row["at"], json.loads(row["detail"])) for row in rows)


def _finding(at: str, detail: dict[str, object]) -> Finding:
    runs = detail.get("runs")
    return Finding(at, str(detail["change"]), tuple(runs) if isinstance(runs, list) else ())
