"""Move stories; no other module moves one. An event applies only to the visit for which it was decided."""

import sqlite3
from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict

from huskies_core.clock import to_iso
from huskies_core.errors import Overtaken, StoryError
from huskies_core.ids import RunId, Seq, StoryId, Visit
from huskies_core.pipeline.events import Event
from huskies_core.pipeline.stages import TERMINAL, Stage, StageName
from huskies_core.pipeline.state_machine import InvalidTransition, commands_of, row_of, transition
from huskies_core.store import content, journal, queue_holds, rows, runs, stories, timers
from huskies_core.store.journal import JournalKind
from huskies_core.store.stories import Story, stage_columns


class Stale(Overtaken):
    """The story has left the visit for which the event was decided. Nothing was written."""

    def __init__(self, story: Story, event: Event) -> None:
        super().__init__(
            f"story {story.id} has moved on to {story.stage.name.value}: {event.name} was not applied",
            hint=f"'huskies explain {story.id}' shows its state.",
            code="stale",
            subject=str(story.id),
        )


class Transition(Struct, frozen=True):
    """An applied event. `left_run` is the live run of the visit that the event ended; the caller must end it next."""

    seq: Seq
    story: StoryId
    event: str
    before: Stage
    after: Stage
    left_run: RunId | None


def apply_event(
    db: sqlite3.Connection, story: StoryId, event: Event, *, visit: Visit, actor: str, now: datetime
) -> Transition:
    """Move the story and write the journal row, both in the running transaction.

    Remove the story's content if it becomes terminal. Raise, with nothing written, Stale if the story has left the
    visit, HuskiesError `landing` while a run lands its commit, or `invalid_transition` if the stage does not allow the
    event.
    """
    before = stories.load(db, story)
    if before.visit != visit:
        raise Stale(before, event)
    live = runs.live_of_story(db, story)
    if live is not None and live.landing is not None:
        fact = f"is being landed: {event.name} was not applied"
        raise StoryError(story, fact, hint="Try again in a moment.", code="landing")
    after = _next_stage(before, event)
    stages = (before.stage.name.value, after.name.value)
    kind, detail = JournalKind.TRANSITION, asdict(event)
    seq = journal.append(
        db, kind, event.name, actor=actor, now=now, story=story, stages=stages, detail=detail
    )
    _move(db, before, after, event, seq, now)
    if after.name in TERMINAL:
        content.purge(db, story)
    queue_holds.release_story(db, story, actor=actor, now=now)
    timers.stop_waiting(db, story, actor=actor, now=now)
    return Transition(seq, before.id, event.name, before.stage, after, None if live is None else live.id)


def is_terminal(done: Transition) -> bool:
    """Return whether the story became terminal. A terminal story has no content."""
    return done.after.name in TERMINAL


def _next_stage(story: Story, event: Event) -> Stage:
    try:
        return transition(story.stage, event)
    except InvalidTransition as error:
        command = row_of(event).command or event.name
        fact = f"is in {story.stage.name.value}: {command} is not allowed there"
        hint = f"Allowed there: {', '.join(commands_of(error.allowed))}."
        raise StoryError(story.id, fact, hint=hint, code="invalid_transition") from error


def _move(db: sqlite3.Connection, before: Story, after: Stage, event: Event, seq: Seq, now: datetime) -> None:
    at, row = to_iso(now), row_of(event)
    starts = before.stage.name is StageName.BACKLOG and after.name is StageName.CODING
    returned_by = None if starts else before.returned_by
    changes = {
        **stage_columns(after),
        "visit": seq,
        "entered_by": event.name,
        "returned_by": event.name if row.returns else returned_by,
        "stage_entered_at": at,
        "updated_at": at,
        "retries": 0 if row.resets else before.retries + (row.failure is not None),
        "reset_seq": seq if row.resets else before.reset_seq,
        "coding_at": at if starts else before.coding_at,
    }
    rows.update(db, "stories", before.id, changes)
