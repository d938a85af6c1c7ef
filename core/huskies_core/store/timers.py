"""Timers: what is to happen at a time, or again and again."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from huskies_core import schedules
from huskies_core.clock import from_iso, to_iso
from huskies_core.ids import StoryId, TimerId
from huskies_core.schedules import Schedule
from huskies_core.store import actions, causation, journal
from huskies_core.store.actions import Action


class CatchUp(StrEnum):
    """What becomes of the times that a pause has spanned: they fire once, or are skipped."""

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


@dataclass(frozen=True)
class Draft:
    """What a person says of a timer. `fire_at` is its first time and gives the phase of an interval."""

    deed: Action
    schedule: Schedule
    fire_at: datetime
    label: str = ""
    catch_up: CatchUp = CatchUp.ONCE


@dataclass(frozen=True)
class Timer:
    """`trouble` is what became of its last firing, where that needs a person. One of kind `rate_limit` is the wait of
    `story` for its agent's account."""

    id: TimerId
    draft: Draft
    state: TimerState
    fire_at: datetime
    depth: int
    trouble: str
    created_at: str
    kind: TimerKind = TimerKind.SCHEDULED
    story: StoryId | None = None

    @property
    def source(self) -> str:
        return f"timer:{self.id}"


def add(
    db: sqlite3.Connection, draft: Draft, *, actor: str, now: datetime, story: int | None = None
) -> Timer:
    """Writes an armed timer and its journal row. With a `story` it is that story's wait for its agent's account."""
    kind = TimerKind.SCHEDULED if story is None else TimerKind.RATE_LIMIT
    written = json.dumps(schedules.encode(draft.schedule), ensure_ascii=False)
    depth = causation.of_actor(db, actor).get("depth", 0)
    done = db.execute(
        """INSERT INTO timers (label, schedule, action, catch_up, state, fire_at, depth, created_at, kind, story)
           VALUES (?, ?, ?, ?, 'armed', ?, ?, ?, ?, ?)""",
        (
            *(draft.label, written, actions.encode(draft.deed), draft.catch_up.value),
            *(to_iso(draft.fire_at), depth, to_iso(now), kind.value, story),
        ),
    )
    assert done.lastrowid is not None
    timer = load(db, done.lastrowid)
    _tell(db, timer, "created", actor=actor, now=now)
    return timer


def await_limit(db: sqlite3.Connection, story: int, until: datetime, *, actor: str, now: datetime) -> Timer:
    """The story's one timer for its agent's account, armed for `until` or, where one is armed, for the later time."""
    standing = limit_timer(db, story)
    if standing is None:
        draft = Draft(actions.Continue(story), schedules.Once(), until)
        return add(db, draft, actor=actor, now=now, story=story)
    later = max(until, standing.fire_at)
    db.execute("UPDATE timers SET fire_at = ? WHERE id = ?", (to_iso(later), standing.id))
    return load(db, standing.id)


def postpone_limits(db: sqlite3.Connection, runtime: str, model: str, until: datetime) -> None:
    """Lets no story go on before `until` whose last run is of that account."""
    db.execute(
        """UPDATE timers SET fire_at = :until
           WHERE kind = 'rate_limit' AND state = 'armed' AND fire_at < :until AND EXISTS (
               SELECT 1 FROM runs WHERE id = (SELECT max(id) FROM runs WHERE story = timers.story)
               AND runtime = :runtime AND coalesce(model, '') = :model)""",
        {"until": to_iso(until), "runtime": runtime, "model": model},
    )


def limit_timer(db: sqlite3.Connection, story: int) -> Timer | None:
    """The armed timer of a story that waits for its agent's account."""
    found = "SELECT * FROM timers WHERE story = ? AND kind = 'rate_limit' AND state = 'armed'"
    row = db.execute(found, (story,)).fetchone()
    return None if row is None else _timer(row)


def stop_waiting(db: sqlite3.Connection, story: int, *, actor: str, now: datetime) -> None:
    """The story has moved on, or an agent was started on it: it waits for its account no more."""
    timer = limit_timer(db, story)
    if timer is not None:
        cancel(db, timer, actor=actor, now=now)


def find(db: sqlite3.Connection, number: int) -> Timer | None:
    row = db.execute("SELECT * FROM timers WHERE id = ?", (number,)).fetchone()
    return None if row is None else _timer(row)


def load(db: sqlite3.Connection, number: int) -> Timer:
    """The timer of a number that is known to exist: timers are never deleted."""
    found = find(db, number)
    if found is None:
        raise LookupError(f"there is no timer {number}")
    return found


def labelled(db: sqlite3.Connection, label: str) -> tuple[Timer, ...]:
    rows = db.execute("SELECT * FROM timers WHERE label = ? AND label <> '' ORDER BY id", (label,))
    return tuple(map(_timer, rows))


def due(db: sqlite3.Connection, now: datetime, limit: int = 1000) -> tuple[Timer, ...]:
    """The armed timers whose time has come, earliest first."""
    rows = db.execute(
        "SELECT * FROM timers WHERE state = 'armed' AND fire_at <= ? ORDER BY fire_at LIMIT ?",
        (to_iso(now), limit),
    )
    return tuple(map(_timer, rows))


def is_any_due(db: sqlite3.Connection, now: datetime) -> bool:
    found = "SELECT 1 FROM timers WHERE state = 'armed' AND fire_at <= ? LIMIT 1"
    return db.execute(found, (to_iso(now),)).fetchone() is not None


def everything(db: sqlite3.Connection) -> tuple[Timer, ...]:
    return tuple(map(_timer, db.execute("SELECT * FROM timers ORDER BY id")))


def soonest(db: sqlite3.Connection, limit: int) -> tuple[Timer, ...]:
    """The armed timers that fire first."""
    rows = db.execute("SELECT * FROM timers WHERE state = 'armed' ORDER BY fire_at LIMIT ?", (limit,))
    return tuple(map(_timer, rows))


def in_trouble(db: sqlite3.Connection) -> tuple[Timer, ...]:
    rows = db.execute("SELECT * FROM timers WHERE trouble <> '' AND state <> 'cancelled' ORDER BY id")
    return tuple(map(_timer, rows))


def move_on(db: sqlite3.Connection, timer: Timer, following: datetime | None) -> None:
    """The timer has fired, or let its time pass: it waits for `following`, or for nothing any more."""
    if following is None:
        db.execute("UPDATE timers SET state = 'fired', trouble = '' WHERE id = ?", (timer.id,))
        return
    db.execute("UPDATE timers SET fire_at = ?, trouble = '' WHERE id = ?", (to_iso(following), timer.id))


def skip(db: sqlite3.Connection, timer: Timer, *, actor: str, now: datetime) -> None:
    """Tells that what was missed is not made up for."""
    _tell(db, timer, "skipped", actor=actor, now=now)


def note_trouble(db: sqlite3.Connection, number: int, trouble: str, *, interrupted: bool) -> None:
    """Keeps what became of a firing until the next one. Of a timer that fires once, `interrupted` becomes the state."""
    db.execute("UPDATE timers SET trouble = ? WHERE id = ?", (trouble, number))
    if interrupted:
        db.execute("UPDATE timers SET state = 'interrupted' WHERE id = ? AND state = 'fired'", (number,))


def cancel(db: sqlite3.Connection, timer: Timer, *, actor: str, now: datetime) -> None:
    db.execute("UPDATE timers SET state = 'cancelled' WHERE id = ?", (timer.id,))
    _tell(db, timer, "cancelled", actor=actor, now=now)


def _tell(db: sqlite3.Connection, timer: Timer, event: str, *, actor: str, now: datetime) -> None:
    detail = {
        "timer": timer.id,
        "label": timer.draft.label,
        "fire_at": to_iso(timer.fire_at),
        "action": actions.document(timer.draft.deed),
    }
    journal.append(db, journal.Kind.TIMER, event, actor=actor, now=now, story=timer.story, detail=detail)


def _timer(row: sqlite3.Row) -> Timer:
    fire_at = from_iso(row["fire_at"])
    schedule = schedules.decode(json.loads(row["schedule"]))
    deed, catch_up = actions.decode(row["action"]), CatchUp(row["catch_up"])
    return Timer(
        id=row["id"],
        draft=Draft(deed, schedule, fire_at, row["label"], catch_up),
        state=TimerState(row["state"]),
        fire_at=fire_at,
        depth=row["depth"],
        trouble=row["trouble"],
        created_at=row["created_at"],
        kind=TimerKind(row["kind"]),
        story=row["story"],
    )
