"""Exhausted budgets. Each is recorded once, and once more if it is raised and exhausted again."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.ids import StoryId
from huskies_core.store import journal
from huskies_core.store.journal import JournalKind


@dataclass(frozen=True)
class ReachedBudget:
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


def is_noted(db: sqlite3.Connection, reached: ReachedBudget) -> bool:
    row = db.execute("SELECT 1 FROM reached_budgets WHERE (story, day, most) = (?, ?, ?)", _key(reached))
    return row.fetchone() is not None


def note(db: sqlite3.Connection, reached: ReachedBudget, *, actor: str, now: datetime) -> bool:
    """Record the budget, with a journal row. Return False if it is recorded already."""
    done = db.execute(
        "INSERT OR IGNORE INTO reached_budgets VALUES (?, ?, ?, ?)", (*_key(reached), to_iso(now))
    )
    if not done.rowcount:
        return False
    detail = {"budget": reached.key, "day": reached.day, "detail": str(reached)}
    kind, story = JournalKind.QUEUE, reached.story
    journal.append(db, kind, "budget_reached", actor=actor, now=now, story=story, detail=detail)
    return True


def _key(reached: ReachedBudget) -> tuple[int, str, float]:
    return reached.story or 0, reached.day, reached.most
