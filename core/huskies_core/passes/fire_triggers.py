"""fire-triggers: each new transition is shown to each armed trigger, once; loops of triggers are cut."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.passes.executions import ClaimedExecution, claim, fire_each, interrupted
from huskies_core.passes.pass_runner import Pass
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import cursors, executions, journal, stories, triggers
from huskies_core.store.actions import aimed, told
from huskies_core.store.connection import Connection
from huskies_core.store.executions import Claim
from huskies_core.store.journal import Entry, Kind
from huskies_core.store.stories import Story
from huskies_core.store.triggers import Trigger, TriggerMode, TriggerState

MOST_DEPTH = 5
MOST_IN_AN_HOUR = 60
BATCH = 1000


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    return (*interrupted(snapshot, Kind.TRIGGER), *_matches(snapshot.db))


def is_behind(db: Connection) -> bool:
    """Whether an armed trigger has yet to see a transition."""
    first = triggers.first_armed(db)
    return first is not None and journal.last_transition(db) > max(first, _seen(db))


def _matches(db: Connection) -> Iterator[PlannedStep]:
    """In the order of what happened. A trigger that fires once is planned for once; the claim says whether it is so."""
    waiting = triggers.armed(db)
    spent: set[int] = set()
    for entry in _news(db):
        if entry.story is None:
            continue
        story = stories.load(db, entry.story)
        for trigger in waiting:
            if trigger.id not in spent and _is_for(db, trigger, entry, story):
                spent.update([trigger.id] if trigger.draft.mode is TriggerMode.ONCE else [])
                yield _action(trigger, entry)


def _news(db: Connection) -> Iterator[Entry]:
    first = triggers.first_armed(db)
    if first is None:
        return
    seq = max(first, _seen(db))
    while batch := journal.transitions_after(db, seq, BATCH):
        yield from batch
        seq = batch[-1].seq


def _seen(db: Connection) -> int:
    return cursors.get(db, "fire-triggers")


def _is_for(db: Connection, trigger: Trigger, entry: Entry, story: Story) -> bool:
    """Whether the transition came after the trigger, is meant by it, and has not fired it already."""
    if entry.seq <= trigger.since or not trigger.draft.predicate.is_met(entry, story):
        return False
    return not executions.is_claimed(db, trigger.source, entry.seq)


def _action(trigger: Trigger, entry: Entry) -> PlannedStep:
    detail = f"trigger {trigger.id}: {told(trigger.draft.deed)}, after {entry.event} of story {entry.story}"
    return PlannedStep(Verb.FIRE_TRIGGER, entry.story, detail, subject=f"{trigger.id} {entry.seq}")


def _claim(context: Context, action: PlannedStep, held: ExitStack) -> ClaimedExecution | str:
    """Fires a trigger that is still armed, unless that would be one too deep or too often: then it is suspended."""
    number, seq = map(int, action.subject.split())
    now = context.now()
    with context.store.exclusive() as db:
        trigger, entry = triggers.load(db, number), journal.load(db, seq)
        if trigger.state is not TriggerState.ARMED:
            raise Overtaken(f"trigger {number} has fired already, or was cancelled", code="stale")
        why = _too_much(db, trigger, entry, now)
        if why:
            triggers.suspend(db, trigger, why, cause=entry, now=now)
            return f"trigger {number} is suspended: {why}"
        triggers.count_firing(db, trigger)
        depth = _depth(entry) + 1
        told_row = {"trigger": number, "event": entry.event, "before": entry.before, "after": entry.after}
        deed = aimed(trigger.draft.deed, _values(db, entry))
        wanted = Claim(trigger.source, deed, depth, entry.seq, entry.story, told_row)
        criterion = f"What trigger {number} asks for after {entry.event} of story {entry.story} is done."
        return claim(db, context, wanted, criterion, held)


def _values(db: Connection, entry: Entry) -> dict[str, str]:
    """What a deed may name of the transition that it follows; the title is the one that the story has now."""
    assert entry.story is not None
    title = stories.load(db, entry.story).draft.title
    moved = {"event": entry.event, "from": entry.before or "", "to": entry.after or ""}
    return {"story_id": str(entry.story), "story_title": title, **moved}


def _too_much(db: Connection, trigger: Trigger, entry: Entry, now: datetime) -> str:
    if _depth(entry) >= MOST_DEPTH:
        return f"depth {MOST_DEPTH}: what it saw follows from {MOST_DEPTH} firings, one from another"
    if executions.count_since(db, trigger.source, now - timedelta(hours=1)) >= MOST_IN_AN_HOUR:
        return f"rate: it fired {MOST_IN_AN_HOUR} times within an hour"
    return ""


def _depth(entry: Entry) -> int:
    """How many firings, one from another, led to a transition."""
    return int(entry.detail.get("depth", 0))


FIRE_TRIGGERS = Pass("fire-triggers", plan, fire_each(_claim), follows=True)
