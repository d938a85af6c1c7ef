"""Triggers: actions that Huskies executes after a transition that matches their predicate."""

import sqlite3
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any

from msgspec import Struct
from msgspec.structs import asdict

from huskies_core.ids import Seq, TriggerId
from huskies_core.store import actions, journal
from huskies_core.store.actions import Action
from huskies_core.store.journal import JournalEntry, JournalKind
from huskies_core.store.rows import Embedded, json_column, reader, scalar, text_column, to_row
from huskies_core.store.stories import Story
from huskies_core.store.tables import SourceTable


class TriggerMode(StrEnum):
    ONCE = "once"
    PERSISTENT = "persistent"


class TriggerState(StrEnum):
    ARMED = "armed"
    FIRED = "fired"
    INTERRUPTED = "interrupted"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


class Predicate(Struct, frozen=True, forbid_unknown_fields=True):
    """Shell patterns (`*`, `?`, `[ab]`) for a transition; a pattern that is None matches everything."""

    story: str | None = None
    label: str | None = None
    type: str | None = None
    event: str | None = None
    before: str | None = None
    after: str | None = None

    def is_met(self, entry: JournalEntry, story: Story) -> bool:
        """Return whether a transition of `story` matches. The story's current type and labels count."""
        pairs = (
            (self.story, str(story.id)),
            (self.type, story.draft.type.value),
            (self.event, entry.event),
            (self.before, entry.before or ""),
            (self.after, entry.after or ""),
        )
        if not all(pattern is None or fnmatchcase(text, pattern) for pattern, text in pairs):
            return False
        pattern = self.label
        return pattern is None or any(fnmatchcase(label, pattern) for label in story.draft.labels)

    def as_document(self) -> dict[str, str]:
        """Return the patterns that are set, under their names on the command line."""
        names = {"before": "from", "after": "to"}
        return {names.get(name, name): value for name, value in asdict(self).items() if value is not None}


class TriggerDraft(Struct, frozen=True):
    """A trigger as a person requests it."""

    predicate: Predicate
    action: Annotated[Action, json_column("action", actions.from_json, actions.to_json)]
    mode: TriggerMode = TriggerMode.ONCE


class Trigger(Struct, frozen=True):
    """A trigger. It matches journal rows after `since`. `problem` is the reason why a person must look at it."""

    id: TriggerId
    draft: Annotated[TriggerDraft, Embedded]
    state: TriggerState
    since: Seq
    fired: int
    problem: Annotated[str, text_column("trouble")]
    created_at: str

    @property
    def source(self) -> str:
        return f"trigger:{self.id}"

    @property
    def story(self) -> None:
        """A trigger belongs to no story."""

    @property
    def facts(self) -> dict[str, Any]:
        return {"predicate": self.draft.predicate.as_document(), "action": actions.to_json(self.draft.action)}


_TRIGGERS: SourceTable[Trigger, TriggerId] = SourceTable(
    "triggers", reader(Trigger), "trigger", "'huskies trigger list --all' shows every trigger."
)
find, load, everything = _TRIGGERS.find, _TRIGGERS.load, _TRIGGERS.everything
with_problem, note_problem = _TRIGGERS.with_problem, _TRIGGERS.note_problem
cancel = _TRIGGERS.cancel


def add(db: sqlite3.Connection, draft: TriggerDraft, *, actor: str, now: datetime) -> Trigger:
    """Insert an armed trigger and its journal row. The trigger matches only later transitions."""
    return _TRIGGERS.add(db, {**to_row(draft), "since": journal.head(db)}, actor=actor, now=now)


def labelled(db: sqlite3.Connection, label: str) -> tuple[Trigger, ...]:
    """Return the triggers with that label in their predicate."""
    return tuple(trigger for trigger in everything(db) if trigger.draft.predicate.label == label)


def armed(db: sqlite3.Connection) -> tuple[Trigger, ...]:
    return _TRIGGERS.select(db, "WHERE state = 'armed' ORDER BY since, id")


def first_armed(db: sqlite3.Connection) -> Seq | None:
    """Return the earliest journal position from which an armed trigger matches; None if no trigger is armed."""
    since: Seq | None = scalar(db, "SELECT since FROM triggers WHERE state = 'armed' ORDER BY since LIMIT 1")
    return since


def count_firing(db: sqlite3.Connection, trigger: Trigger) -> None:
    """Count an execution. A trigger with mode once then has run for the last time."""
    state = trigger.state if trigger.draft.mode is TriggerMode.PERSISTENT else TriggerState.FIRED
    db.execute(
        "UPDATE triggers SET fired = fired + 1, state = ?, trouble = '' WHERE id = ?", (state, trigger.id)
    )


def suspend(
    db: sqlite3.Connection, trigger: Trigger, why: str, *, cause: JournalEntry, now: datetime
) -> None:
    """Suspend a trigger for the reason `why`. It stays listed until a person cancels it."""
    db.execute("UPDATE triggers SET state = 'suspended', trouble = ? WHERE id = ?", (why, trigger.id))
    detail = {"trigger": trigger.id, "reason": why, "cause": cause.seq, "depth": cause.detail.get("depth", 0)}
    kind, source = JournalKind.TRIGGER, trigger.source
    journal.append(db, kind, "suspended", actor=source, now=now, story=cause.story, detail=detail)
