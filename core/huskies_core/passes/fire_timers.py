"""fire-timers: what is due is fired, once; what a process left unfinished is told of."""

from contextlib import ExitStack
from datetime import datetime, timedelta

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.passes.executions import ClaimedExecution, claim, fire_each, interrupted
from huskies_core.passes.pass_runner import Pass
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.schedules import Once, following
from huskies_core.store import timers
from huskies_core.store.actions import told
from huskies_core.store.executions import Claim
from huskies_core.store.journal import Kind
from huskies_core.store.timers import CatchUp, Timer, TimerState

LATE = timedelta(seconds=120)
"""What is later than this was missed: two ticks of cron."""


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    due = timers.due(snapshot.db, snapshot.now)
    return (*interrupted(snapshot, Kind.TIMER), *(_action(timer) for timer in due))


def named(timer: Timer) -> str:
    label = timer.draft.label
    return f"timer {timer.id} ({label})" if label else f"timer {timer.id}"


def _action(timer: Timer) -> PlannedStep:
    detail = f"{named(timer)}: {told(timer.draft.deed)}"
    return PlannedStep(Verb.FIRE_TIMER, detail=detail, subject=f"{timer.id} {to_iso(timer.fire_at)}")


def _claim(context: Context, action: PlannedStep, held: ExitStack) -> ClaimedExecution | str:
    """Fires a timer that still waits for the time that was planned from, and lets it wait for its next one."""
    number, _, planned = action.subject.partition(" ")
    now = context.now()
    with context.store.exclusive() as db:
        timer = timers.load(db, int(number))
        if timer.state is not TimerState.ARMED or to_iso(timer.fire_at) != planned:
            raise Overtaken(f"{named(timer)} has fired already, or was cancelled", code="stale")
        timers.move_on(db, timer, following(timer.draft.schedule, timer.fire_at, now))
        if _is_missed(timer, now):
            timers.skip(db, timer, actor=context.actor, now=now)
            return f"{action.detail}: missed, and skipped"
        told_row = {"timer": timer.id, "label": timer.draft.label, "fire_at": planned}
        wanted = Claim(timer.source, timer.draft.deed, timer.depth + 1, story=timer.story, told=told_row)
        return claim(db, context, wanted, f"What {named(timer)} asks for is done.", held)


def _is_missed(timer: Timer, now: datetime) -> bool:
    """A timer that fires once is never too late."""
    draft = timer.draft
    skips = draft.catch_up is CatchUp.NONE and not isinstance(draft.schedule, Once)
    return skips and now - timer.fire_at > LATE


FIRE_TIMERS = Pass("fire-timers", plan, fire_each(_claim))
