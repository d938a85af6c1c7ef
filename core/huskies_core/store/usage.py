"""Token usage and cost in US dollars: one row for each run and model, updated while the run is live.

An exhausted budget is recorded once, and once more if it is raised and exhausted again.
"""

import sqlite3
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Annotated

from msgspec import Struct

from huskies_core.clock import from_iso, to_iso
from huskies_core.ids import RunId, StoryId
from huskies_core.pipeline.stages import TERMINAL, StageName
from huskies_core.store import journal, rows
from huskies_core.store.journal import JournalKind
from huskies_core.store.rows import Embedded, from_row, reader, scalar, to_row
from huskies_core.store.tables import Table


class ModelUsage(Struct, frozen=True):
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0


class UsageEntry(Struct, frozen=True):
    """The usage of a model in a run. `at` is the time of the run's first usage."""

    run: RunId
    story: StoryId
    agent: str | None
    at: datetime
    usage: Annotated[ModelUsage, Embedded]


class ReachedBudget(Struct, frozen=True):
    """An exhausted budget, in US dollars. It belongs to a story, or to a day such as 2026-01-31."""

    spent: float
    most: float
    story: StoryId | None = None
    day: str = ""

    @property
    def key(self) -> str:
        """Return the key of the budget in project.toml."""
        return "budget.per_day_usd" if self.story is None else "budget.per_story_usd"

    def __str__(self) -> str:
        return f"{self.key}: {self.spent:.2f} of {self.most:.2f} USD are used"


_USAGE: Table[ModelUsage, RunId] = Table("usage", reader(ModelUsage))


def put(db: sqlite3.Connection, run: RunId, *used: ModelUsage, now: datetime) -> None:
    """Replace the usage of a run.

    All rows of the run get the time of its first usage, so that the whole run counts for one day.
    """
    at = to_iso(first_used(db, run) or now)
    db.execute("DELETE FROM usage WHERE run = ?", (run,))
    for usage in used:
        rows.insert(db, "usage", {"run": run, **to_row(usage), "at": at})


def first_used(db: sqlite3.Connection, run: RunId) -> datetime | None:
    """Return the time of the first usage of a run."""
    at = scalar(db, "SELECT min(at) FROM usage WHERE run = ?", (run,))
    return None if at is None else from_iso(at)


def of_run(db: sqlite3.Connection, run: RunId) -> tuple[ModelUsage, ...]:
    return _USAGE.select(db, "WHERE run = ? ORDER BY model", (run,))


def entries(db: sqlite3.Connection, since: datetime | None) -> Iterator[UsageEntry]:
    """Yield the usage of all runs, or of the runs with a first usage at or after `since`."""
    query = (
        "SELECT usage.*, runs.story, runs.agent FROM usage JOIN runs ON runs.id = usage.run"
        " WHERE usage.at >= ? ORDER BY usage.at, usage.run"
    )
    for row in db.execute(query, ("" if since is None else to_iso(since),)):
        yield from_row(UsageEntry, row)


def spent_on_story(db: sqlite3.Connection, story: StoryId, *, without: Collection[RunId] = ()) -> float:
    """Return the cost in US dollars of a story's runs, except the runs in `without`."""
    costs = db.execute(
        "SELECT usage.run, total(usage.cost_usd) AS spent FROM runs JOIN usage ON usage.run = runs.id"
        " WHERE runs.story = ? GROUP BY usage.run",
        (story,),
    )
    return sum(float(row["spent"]) for row in costs if row["run"] not in without)


def stories_over(db: sqlite3.Connection, most: float) -> dict[StoryId, float]:
    """Return the open stories with runs that cost `most` US dollars or more in total, with that cost."""
    stages = ", ".join(f"'{name}'" for name in StageName if name not in TERMINAL)
    costs = db.execute(
        "SELECT stories.id, total(usage.cost_usd) AS spent FROM stories JOIN runs ON runs.story = stories.id"
        f" JOIN usage ON usage.run = runs.id WHERE stories.stage IN ({stages}) GROUP BY stories.id HAVING spent >= ?",
        (most,),
    )
    return {row["id"]: float(row["spent"]) for row in costs}


def spent_since(db: sqlite3.Connection, moment: datetime) -> float:
    """Return the cost in US dollars of the runs with a first usage at or after `moment`."""
    return float(scalar(db, "SELECT total(cost_usd) FROM usage WHERE at >= ?", (to_iso(moment),)))


def spent_between(
    db: sqlite3.Connection, begin: datetime, end: datetime, *, without: Collection[RunId]
) -> float:
    """Return the cost in US dollars of the runs with a first usage from `begin` until before `end`.

    Omit the runs in `without`.
    """
    costs = db.execute(
        "SELECT run, cost_usd FROM usage WHERE at >= ? AND at < ?", (to_iso(begin), to_iso(end))
    )
    return sum(float(row["cost_usd"]) for row in costs if row["run"] not in without)


def is_budget_noted(db: sqlite3.Connection, reached: ReachedBudget) -> bool:
    row = db.execute(
        "SELECT 1 FROM reached_budgets WHERE (story, day, most) = (?, ?, ?)", _budget_key(reached)
    )
    return row.fetchone() is not None


def note_budget(db: sqlite3.Connection, reached: ReachedBudget, *, actor: str, now: datetime) -> bool:
    """Record the budget, with a journal row. Return False if it is recorded already."""
    done = db.execute(
        "INSERT OR IGNORE INTO reached_budgets VALUES (?, ?, ?, ?)", (*_budget_key(reached), to_iso(now))
    )
    if not done.rowcount:
        return False
    detail = {"budget": reached.key, "day": reached.day, "detail": str(reached)}
    kind, story = JournalKind.QUEUE, reached.story
    journal.append(db, kind, "budget_reached", actor=actor, now=now, story=story, detail=detail)
    return True


def _budget_key(reached: ReachedBudget) -> tuple[int, str, float]:
    return reached.story or 0, reached.day, reached.most
