"""Timers: actions that Huskies executes at a set time, once or repeatedly."""

import sqlite3
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Struct

from huskies_core import schedules
from huskies_core.clock import to_iso
from huskies_core.ids import StoryId, TimerId
from huskies_core.schedules import Schedule
from huskies_core.store import actions, journal
from huskies_core.store.actions import Action
from huskies_core.store.rows import Embedded, json_column, reader, text_column, to_row
from huskies_core.store.tables import SourceTable


class CatchUp(StrEnum):
    """The treatment of times that passed while no tick ran: one execution for all of them, or none."""

    ONCE = "once"
    NONE = "none"


class TimerKind(StrEnum):
    SCHEDULED = "scheduled"
    RATE_LIMIT = "rate_limit"


class TimerState(StrEnum):
    ARMED = "armed"
    FIRED = "fired"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class TimerDraft(Struct, frozen=True):
    """A timer as a person requests it. `fire_at` is its first time; an interval counts from that time."""

    action: Annotated[Action, json_column("action", actions.from_json, actions.to_json)]
    schedule: Annotated[
        Schedule, json_column("schedule", schedules.schedule_from_json, schedules.schedule_to_json)
    ]
    fire_at: datetime
    label: str = ""
    catch_up: CatchUp = CatchUp.ONCE


class Timer(Struct, frozen=True):
    """A timer. `problem` is the error or interruption of its last execution; empty if there was none.

    A timer of kind `rate_limit` delays `story` until the limit of its agent's account ends.
    """

    id: TimerId
    draft: Annotated[TimerDraft, Embedded]
    state: TimerState
    fire_at: datetime
    depth: int
    problem: Annotated[str, text_column("trouble")]
    created_at: str
    kind: TimerKind = TimerKind.SCHEDULED
    story: StoryId | None = None

    @property
    def source(self) -> str:
        return f"timer:{self.id}"

    @property
    def facts(self) -> dict[str, Any]:
        action = actions.to_json(self.draft.action)
        return {"label": self.draft.label, "fire_at": to_iso(self.fire_at), "action": action}


_TIMERS: SourceTable[Timer, TimerId] = SourceTable(
    "timers", reader(Timer), "timer", "'huskies timer list --all' shows every timer."
)
find, load, everything = _TIMERS.find, _TIMERS.load, _TIMERS.everything
with_problem, note_problem = _TIMERS.with_problem, _TIMERS.note_problem
cancel, note = _TIMERS.cancel, _TIMERS.note


def add(
    db: sqlite3.Connection, draft: TimerDraft, *, actor: str, now: datetime, story: StoryId | None = None
) -> Timer:
    """Insert an armed timer and its journal row. With `story`, it is the rate limit timer of that story."""
    row = {
        **to_row(draft),
        "depth": journal.open_execution(db, actor).get("depth", 0),
        "kind": TimerKind.SCHEDULED if story is None else TimerKind.RATE_LIMIT,
        "story": story,
    }
    return _TIMERS.add(db, row, actor=actor, now=now)


def await_limit(
    db: sqlite3.Connection, story: StoryId, until: datetime, *, actor: str, now: datetime
) -> Timer:
    """Return the story's rate limit timer, armed for `until` or for the time that it has, whichever is later."""
    armed = limit_timer(db, story)
    if armed is None:
        draft = TimerDraft(actions.Continue(story), schedules.Once(), until)
        return add(db, draft, actor=actor, now=now, story=story)
    later = max(until, armed.fire_at)
    db.execute("UPDATE timers SET fire_at = ? WHERE id = ?", (to_iso(later), armed.id))
    return load(db, armed.id)


def postpone_limits(db: sqlite3.Connection, runtime: str, model: str, until: datetime) -> None:
    """Postpone to `until` the rate limit timer of each story if its last run used that account."""
    db.execute(
        """UPDATE timers SET fire_at = :until
           WHERE kind = 'rate_limit' AND state = 'armed' AND fire_at < :until AND EXISTS (
               SELECT 1 FROM runs WHERE id = (SELECT max(id) FROM runs WHERE story = timers.story)
               AND runtime = :runtime AND coalesce(model, '') = :model)""",
        {"until": to_iso(until), "runtime": runtime, "model": model},
    )


def limit_timer(db: sqlite3.Connection, story: StoryId) -> Timer | None:
    """Return the armed rate limit timer of a story."""
    return _TIMERS.first(db, "WHERE story = ? AND kind = 'rate_limit' AND state = 'armed'", (story,))


def stop_waiting(db: sqlite3.Connection, story: StoryId, *, actor: str, now: datetime) -> None:
    """Cancel the rate limit timer of a story that has left the stage or has a live run."""
    timer = limit_timer(db, story)
    if timer is not None:
        cancel(db, timer, actor=actor, now=now)


def labelled(db: sqlite3.Connection, label: str) -> tuple[Timer, ...]:
    return _TIMERS.select(db, "WHERE label = ? AND label <> '' ORDER BY id", (label,))


def due(db: sqlite3.Connection, now: datetime, limit: int = 1000) -> tuple[Timer, ...]:
    """Return the armed timers that are due, earliest first."""
    clauses = "WHERE state = 'armed' AND fire_at <= ? ORDER BY fire_at LIMIT ?"
    return _TIMERS.select(db, clauses, (to_iso(now), limit))


def soonest(db: sqlite3.Connection, limit: int) -> tuple[Timer, ...]:
    """Return the armed timers that are due first."""
    return _TIMERS.select(db, "WHERE state = 'armed' ORDER BY fire_at LIMIT ?", (limit,))


def move_on(db: sqlite3.Connection, timer: Timer, following: datetime | None) -> None:
    """Set the time of a timer's next execution. If `following` is None, the timer has run for the last time."""
    if following is None:
        db.execute("UPDATE timers SET state = 'fired', trouble = '' WHERE id = ?", (timer.id,))
        return
    db.execute("UPDATE timers SET fire_at = ?, trouble = '' WHERE id = ?", (to_iso(following), timer.id))
