"""Facts for the board: the number of stories in each stage, and unexpected changes of the repository."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.ids import RunId
from huskies_core.pipeline.stages import StageName


@dataclass(frozen=True)
class RepositoryFinding:
    """A change of the repository that no agent should make; `runs` were live at that time."""

    at: str
    change: str
    runs: tuple[RunId, ...]


def count_stories(db: sqlite3.Connection) -> dict[StageName, int]:
    """Return the number of stories in each stage that has any."""
    counts = db.execute("SELECT stage, count(*) AS stories FROM stories GROUP BY stage")
    return {StageName(row["stage"]): row["stories"] for row in counts}


def findings_since(db: sqlite3.Connection, moment: datetime) -> tuple[RepositoryFinding, ...]:
    """Return the changes of the repository since `moment`, oldest first."""
    # The search begins at the newest row and goes back, so it reads only the rows since `moment`.
    last = db.execute(
        "SELECT seq FROM journal WHERE at < ? ORDER BY seq DESC LIMIT 1", (to_iso(moment),)
    ).fetchone()
    changes = db.execute(
        "SELECT at, detail FROM journal WHERE seq > ? AND kind = 'git' AND event = 'repository_changed' ORDER BY seq",
        (0 if last is None else last["seq"],),
    )
    return tuple(_finding(row["at"], json.loads(row["detail"])) for row in changes)


def _finding(at: str, detail: dict[str, object]) -> RepositoryFinding:
    runs = detail.get("runs")
    return RepositoryFinding(at, str(detail["change"]), tuple(runs) if isinstance(runs, list) else ())
