"""fire-triggers: compare each new transition once with each armed trigger, and suspend triggers that form a loop."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.executions import ClaimedExecution, EndExecution, claim, execute_each, interrupted
from huskies_core.passes.pass_runner import Pass
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import cursors, executions, journal, stories, triggers
from huskies_core.store.actions import describe, fill_variables
from huskies_core.store.connection import Connection
from huskies_core.store.executions import ExecutionClaim
from huskies_core.store.journal import JournalEntry, JournalKind
from huskies_core.store.triggers import Trigger, TriggerMode, TriggerState

MOST_DEPTH = 5
MOST_IN_AN_HOUR = 60
BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class FireTrigger(PlannedStep):
    """An execution to claim. `seq` is the journal position of the matched transition."""

    trigger: int
    seq: int


def plan(snapshot: Snapshot) -> tuple[FireTrigger | EndExecution, ...]:
    return (*interrupted(snapshot, JournalKind.TRIGGER), *_matches(snapshot.db))


def _matches(db: Connection) -> Iterator[FireTrigger]:
    """Yield matches in the order of the journal, one for a trigger with mode once. The claim checks that again."""
    armed = triggers.armed(db)
    spent: set[int] = set()
    for entry in _new_transitions(db):
        if entry.story is None:
            continue
        story = stories.load(db, entry.story)
        for trigger in armed:
            if (
                trigger.id in spent
                or entry.seq <= trigger.since
                or not trigger.draft.predicate.is_met(entry, story)
                or executions.is_claimed(db, trigger.source, entry.seq)
            ):
                continue
            if trigger.draft.mode is TriggerMode.ONCE:
                spent.add(trigger.id)
            action = describe(trigger.draft.action)
            detail = f"trigger {trigger.id}: {action}, after {entry.event} of story {entry.story}"
            yield FireTrigger(Verb.FIRE_TRIGGER, entry.story, detail, trigger=trigger.id, seq=entry.seq)


def _new_transitions(db: Connection) -> Iterator[JournalEntry]:
    first = triggers.first_armed(db)
    if first is None:
        return
    seq = max(first, _cursor(db))
    while batch := journal.transitions_after(db, seq, BATCH):
        yield from batch
        seq = batch[-1].seq


def _cursor(db: Connection) -> int:
    return cursors.get(db, "fire-triggers")


def _claim(context: Context, step: FireTrigger, locks: ExitStack) -> ClaimedExecution | str:
    """Claim the execution if the trigger is still armed. Suspend a trigger that exceeds the depth or the rate limit."""
    now = context.now()
    with context.store.exclusive() as db:
        trigger, entry = triggers.load(db, step.trigger), journal.load(db, step.seq)
        if trigger.state is not TriggerState.ARMED:
            raise Overtaken(f"trigger {trigger.id} has run already, or was cancelled", code="stale")
        excess = _excess(db, trigger, entry, now)
        if excess:
            triggers.suspend(db, trigger, excess, cause=entry, now=now)
            return f"trigger {trigger.id} is suspended: {excess}"
        triggers.count_firing(db, trigger)
        row = {"trigger": trigger.id, "event": entry.event, "before": entry.before, "after": entry.after}
        action = fill_variables(trigger.draft.action, _variables(db, entry))
        request = ExecutionClaim(trigger.source, action, _depth(entry) + 1, entry.seq, entry.story, row)
        criterion = f"The request of trigger {trigger.id} after {entry.event} of story {entry.story} is done."
        return claim(db, context, request, criterion, locks)


def _variables(db: Connection, entry: JournalEntry) -> dict[str, str]:
    """Return the values of the variables that an action may use. The title is the current one."""
    assert entry.story is not None
    title = stories.load(db, entry.story).draft.title
    moved = {"event": entry.event, "from": entry.before or "", "to": entry.after or ""}
    return {"story_id": str(entry.story), "story_title": title, **moved}


def _excess(db: Connection, trigger: Trigger, entry: JournalEntry, now: datetime) -> str:
    """Return the limit that another execution of the trigger would exceed, or ""."""
    if _depth(entry) >= MOST_DEPTH:
        return f"depth {MOST_DEPTH}: the transition follows from {MOST_DEPTH} executions, each caused by the last"
    if executions.count_since(db, trigger.source, now - timedelta(hours=1)) >= MOST_IN_AN_HOUR:
        return f"rate: it ran {MOST_IN_AN_HOUR} times within an hour"
    return ""


def _depth(entry: JournalEntry) -> int:
    """Return the number of executions, each caused by the last, that led to the transition."""
    return int(entry.detail.get("depth", 0))


FIRE_TRIGGERS = Pass("fire-triggers", plan, execute_each(_claim), follows=True)
