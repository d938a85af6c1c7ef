"""What runs used, one row for each run and model, written again as a run goes on: tokens and US dollars."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from huskies_core.clock import to_iso


@dataclass(frozen=True)
class Usage:
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0


def put(db: sqlite3.Connection, run: int, used: Usage, *, now: datetime) -> None:
    """Sets the totals of a run's model; the time of the first row stays."""
    tokens = (used.input_tokens, used.output_tokens, used.cache_read_tokens, used.cache_write_tokens)
    db.execute(
        """INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, model) DO UPDATE SET
               input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
               cache_read_tokens = excluded.cache_read_tokens,
               cache_write_tokens = excluded.cache_write_tokens, cost_usd = excluded.cost_usd""",
        (run, used.model, *tokens, used.cost_usd, to_iso(now)),
    )


def spent_on_story(db: sqlite3.Connection, story: int) -> float:
    """US dollars used by all runs of a story."""
    row = db.execute(
        "SELECT total(usage.cost_usd) AS spent FROM runs JOIN usage ON usage.run = runs.id"
        " WHERE runs.story = ?",
        (story,),
    ).fetchone()
    return float(row["spent"])


def spent_since(db: sqlite3.Connection, moment: datetime) -> float:
    """US dollars of the rows begun at or after `moment`."""
    row = db.execute("SELECT total(cost_usd) AS spent FROM usage WHERE at >= ?", (to_iso(moment),)).fetchone()
    return float(row["spent"])
