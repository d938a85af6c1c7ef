"""Budgets that are used up: each is told of once, and once more when it was raised and used up again."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.store import journal


@dataclass(frozen=True)
class Reached:
    """US dollars. The budget is a story's, or else that of a day, such as 2026-01-31."""

    spent: float
    most: float
    story: int | None = None
    day: str = ""

    @property
    def key(self) -> str:
        """The budget as project.toml names it."""
        return "budget.per_day_usd" if self.story is None else "budget.per_story_usd"

    def __str__(self) -> str:
        return f"{self.key}: {self.spent:.2f} of {self.most:.2f} USD are used"


def is_noted(db: sqlite3.Connection, reached: Reached) -> bool:
    row = db.execute("SELECT 1 FROM reached_budgets WHERE (story, day, most) = (?, ?, ?)", _key(reached))
    return row.fetchone() is not None


def note(db: sqlite3.Connection, reached: Reached, *, actor: str, now: datetime) -> bool:
    """Writes the one journal row; False when it is there."""
    done = db.execute(
        "INSERT OR IGNORE INTO reached_budgets VALUES (?, ?, ?, ?)", (*_key(reached), to_iso(now))
    )
    if not done.rowcount:
        return False
    detail = {"budget": reached.key, "day": reached.day, "detail": str(reached)}
    kind, story = journal.Kind.QUEUE, reached.story
    journal.append(db, kind, "budget_reached", actor=actor, now=now, story=story, detail=detail)
    return True


def _key(reached: Reached) -> tuple[int, str, float]:
    return reached.story or 0, reached.day, reached.most
