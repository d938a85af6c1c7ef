"""What runs used, one row for each run and model, written again as a run goes on: tokens and US dollars."""

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import astuple, dataclass
from datetime import datetime

from huskies_core.clock import from_iso, to_iso
from huskies_core.pipeline.stages import TERMINAL, StageName


@dataclass(frozen=True)
class Usage:
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Used:
    """A row of usage, and whose it is. `at` is when the run first told of it."""

    run: int
    story: int
    agent: str | None
    at: datetime
    usage: Usage


def put(db: sqlite3.Connection, run: int, *used: Usage, now: datetime) -> None:
    """Sets all that a run has used, a row for each model; a model that is not named any more goes.

    They all have the time at which the run first told of anything: it belongs to one day.
    """
    at = to_iso(first_told(db, run) or now)
    db.execute("DELETE FROM usage WHERE run = ?", (run,))
    db.executemany(
        "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(run, *astuple(one), at) for one in used],
    )


def first_told(db: sqlite3.Connection, run: int) -> datetime | None:
    at = db.execute("SELECT min(at) AS at FROM usage WHERE run = ?", (run,)).fetchone()["at"]
    return None if at is None else from_iso(at)


def of_run(db: sqlite3.Connection, run: int) -> tuple[Usage, ...]:
    rows = db.execute("SELECT * FROM usage WHERE run = ? ORDER BY model", (run,))
    return tuple(map(_usage, rows))


def entries(db: sqlite3.Connection, since: datetime | None) -> Iterator[Used]:
    """Every row, or those begun at or after `since`, with whose it is."""
    rows = db.execute(
        "SELECT usage.*, runs.story, runs.agent FROM usage JOIN runs ON runs.id = usage.run"
        " WHERE usage.at >= ? ORDER BY usage.at, usage.run",
        ("" if since is None else to_iso(since),),
    )
    for row in rows:
        yield Used(row["run"], row["story"], row["agent"], from_iso(row["at"]), _usage(row))


def spent_on_story(db: sqlite3.Connection, story: int, *, without: Collection[int] = ()) -> float:
    """US dollars used by all runs of a story but those `without`."""
    rows = db.execute(
        "SELECT usage.run, total(usage.cost_usd) AS spent FROM runs JOIN usage ON usage.run = runs.id"
        " WHERE runs.story = ? GROUP BY usage.run",
        (story,),
    )
    return sum(float(row["spent"]) for row in rows if row["run"] not in without)


def stories_over(db: sqlite3.Connection, most: float) -> dict[int, float]:
    """The stories that are not over and whose runs have used `most` US dollars or more, and how many."""
    stages = ", ".join(f"'{name}'" for name in StageName if name not in TERMINAL)
    rows = db.execute(
        "SELECT stories.id, total(usage.cost_usd) AS spent FROM stories JOIN runs ON runs.story = stories.id"
        f" JOIN usage ON usage.run = runs.id WHERE stories.stage IN ({stages}) GROUP BY stories.id HAVING spent >= ?",
        (most,),
    )
    return {row["id"]: float(row["spent"]) for row in rows}


def spent_since(db: sqlite3.Connection, moment: datetime) -> float:
    """US dollars of the runs that first told of any at or after `moment`."""
    row = db.execute("SELECT total(cost_usd) AS spent FROM usage WHERE at >= ?", (to_iso(moment),)).fetchone()
    return float(row["spent"])


def spent_between(
    db: sqlite3.Connection, begin: datetime, end: datetime, *, without: Collection[int]
) -> float:
    """US dollars of the runs that first told of any from `begin` until before `end`, but those `without`."""
    rows = db.execute(
        "SELECT run, cost_usd FROM usage WHERE at >= ? AND at < ?", (to_iso(begin), to_iso(end))
    )
    return sum(float(row["cost_usd"]) for row in rows if row["run"] not in without)


def _usage(row: sqlite3.Row) -> Usage:
    return Usage(
        model=row["model"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cache_read_tokens=row["cache_read_tokens"],
        cache_write_tokens=row["cache_write_tokens"],
        cost_usd=row["cost_usd"],
    )
