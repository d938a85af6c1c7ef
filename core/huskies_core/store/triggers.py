"""Triggers: what is to happen after a transition that their predicate describes."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from huskies_core.clock import to_iso
from huskies_core.ids import Seq, TriggerId
from huskies_core.store import actions, journal
from huskies_core.store.actions import Action
from huskies_core.store.journal import Entry
from huskies_core.store.stories import Story


class TriggerMode(StrEnum):
    ONCE = "once"
    PERSISTENT = "persistent"


class TriggerState(StrEnum):
    ARMED = "armed"
    FIRED = "fired"
    INTERRUPTED = "interrupted"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Predicate:
    """Patterns as in a shell (`*`, `?`, `[ab]`); one that is None is met by everything."""

    story: str | None = None
    label: str | None = None
    type: str | None = None
    event: str | None = None
    before: str | None = None
    after: str | None = None

    def is_met(self, entry: Entry, story: Story) -> bool:
        """Whether a transition of `story` is meant, which has the type and the labels that it has now."""
        pairs = (
            (self.story, str(story.id)),
            (self.type, story.draft.type.value),
            (self.event, entry.event),
            (self.before, entry.before or ""),
            (self.after, entry.after or ""),
        )
        if not all(pattern is None or fnmatchcase(text, pattern) for pattern, text in pairs):
            return False
        wanted = self.label
        return wanted is None or any(fnmatchcase(label, wanted) for label in story.draft.labels)

    def as_document(self) -> dict[str, str]:
        """The patterns there are, by the names that the command line gives them."""
        names = {"before": "from", "after": "to"}
        return {names.get(name, name): value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Draft:
    """What a person says of a trigger."""

    predicate: Predicate
    deed: Action
    mode: TriggerMode = TriggerMode.ONCE


@dataclass(frozen=True)
class Trigger:
    """It sees what the journal has behind `since`; `trouble` is why it needs a person."""

    id: TriggerId
    draft: Draft
    state: TriggerState
    since: Seq
    fired: int
    trouble: str
    created_at: str

    @property
    def source(self) -> str:
        return f"trigger:{self.id}"


def add(db: sqlite3.Connection, draft: Draft, *, actor: str, now: datetime) -> Trigger:
    """Writes an armed trigger, which sees nothing of what has happened so far, and its journal row."""
    done = db.execute(
        "INSERT INTO triggers (predicate, mode, action, state, since, created_at) VALUES (?, ?, ?, 'armed', ?, ?)",
        (
            json.dumps(vars(draft.predicate), ensure_ascii=False),
            *(draft.mode.value, actions.encode(draft.deed), journal.head(db), to_iso(now)),
        ),
    )
    assert done.lastrowid is not None
    trigger = load(db, done.lastrowid)
    _tell(db, trigger, "created", actor=actor, now=now)
    return trigger


def find(db: sqlite3.Connection, number: int) -> Trigger | None:
    row = db.execute("SELECT * FROM triggers WHERE id = ?", (number,)).fetchone()
    return None if row is None else _trigger(row)


def load(db: sqlite3.Connection, number: int) -> Trigger:
    """The trigger of a number that is known to exist: triggers are never deleted."""
    found = find(db, number)
    if found is None:
        raise LookupError(f"there is no trigger {number}")
    return found


def labelled(db: sqlite3.Connection, label: str) -> tuple[Trigger, ...]:
    """Those whose predicate names that label."""
    return tuple(trigger for trigger in everything(db) if trigger.draft.predicate.label == label)


def armed(db: sqlite3.Connection) -> tuple[Trigger, ...]:
    return tuple(map(_trigger, db.execute("SELECT * FROM triggers WHERE state = 'armed' ORDER BY since, id")))


def first_armed(db: sqlite3.Connection) -> int | None:
    """The earliest journal position that an armed trigger looks behind; None without any."""
    row = db.execute("SELECT since FROM triggers WHERE state = 'armed' ORDER BY since LIMIT 1").fetchone()
    return None if row is None else int(row["since"])


def everything(db: sqlite3.Connection) -> tuple[Trigger, ...]:
    return tuple(map(_trigger, db.execute("SELECT * FROM triggers ORDER BY id")))


def in_trouble(db: sqlite3.Connection) -> tuple[Trigger, ...]:
    rows = db.execute("SELECT * FROM triggers WHERE trouble <> '' AND state <> 'cancelled' ORDER BY id")
    return tuple(map(_trigger, rows))


def count_firing(db: sqlite3.Connection, trigger: Trigger) -> None:
    """The trigger has fired: one that does so once is over."""
    state = trigger.state if trigger.draft.mode is TriggerMode.PERSISTENT else TriggerState.FIRED
    db.execute(
        "UPDATE triggers SET fired = fired + 1, state = ?, trouble = '' WHERE id = ?",
        (state.value, trigger.id),
    )


def suspend(db: sqlite3.Connection, trigger: Trigger, why: str, *, cause: Entry, now: datetime) -> None:
    """The trigger fires no more; it is listed until it is cancelled."""
    db.execute("UPDATE triggers SET state = 'suspended', trouble = ? WHERE id = ?", (why, trigger.id))
    detail = {"trigger": trigger.id, "reason": why, "cause": cause.seq, "depth": cause.detail.get("depth", 0)}
    journal.append(
        db, journal.Kind.TRIGGER, "suspended", actor=trigger.source, now=now, story=cause.story, detail=detail
    )


def note_trouble(db: sqlite3.Connection, number: int, trouble: str, *, interrupted: bool) -> None:
    """Keeps what became of a firing until the next one. Of a trigger that fires once, `interrupted` becomes the
    state."""
    db.execute("UPDATE triggers SET trouble = ? WHERE id = ? AND state <> 'suspended'", (trouble, number))
    if interrupted:
        db.execute("UPDATE triggers SET state = 'interrupted' WHERE id = ? AND state = 'fired'", (number,))


def cancel(db: sqlite3.Connection, trigger: Trigger, *, actor: str, now: datetime) -> None:
    db.execute("UPDATE triggers SET state = 'cancelled' WHERE id = ?", (trigger.id,))
    _tell(db, trigger, "cancelled", actor=actor, now=now)


def _tell(db: sqlite3.Connection, trigger: Trigger, event: str, *, actor: str, now: datetime) -> None:
    detail = {
        "trigger": trigger.id,
        "predicate": trigger.draft.predicate.as_document(),
        "action": actions.document(trigger.draft.deed),
    }
    journal.append(db, journal.Kind.TRIGGER, event, actor=actor, now=now, detail=detail)


def _trigger(row: sqlite3.Row) -> Trigger:
    draft = Draft(
        Predicate(**json.loads(row["predicate"])), actions.decode(row["action"]), TriggerMode(row["mode"])
    )
    return Trigger(
        id=row["id"],
        draft=draft,
        state=TriggerState(row["state"]),
        since=row["since"],
        fired=row["fired"],
        trouble=row["trouble"],
        created_at=row["created_at"],
    )
