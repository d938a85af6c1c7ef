"""fire-timers: execute the action of each due timer once, and report interrupted tool calls."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.executions import ClaimedExecution, EndExecution, claim, execute_each, interrupted
from huskies_core.passes.pass_runner import Pass
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.schedules import Once, next_instant
from huskies_core.store import timers
from huskies_core.store.actions import describe
from huskies_core.store.executions import ExecutionClaim
from huskies_core.store.journal import JournalKind
from huskies_core.store.timers import CatchUp, Timer, TimerState

LATE = timedelta(seconds=120)
"""The delay after which a timer counts as missed: two ticks of cron."""


@dataclass(frozen=True, kw_only=True)
class FireTimer(PlannedStep):
    timer: int
    fire_at: datetime


def plan(snapshot: Snapshot) -> tuple[FireTimer | EndExecution, ...]:
    due = (
        FireTimer(
            Verb.FIRE_TIMER,
            detail=f"{name_of(timer)}: {describe(timer.draft.action)}",
            timer=timer.id,
            fire_at=timer.fire_at,
        )
        for timer in timers.due(snapshot.db, snapshot.now)
    )
    return (*interrupted(snapshot, JournalKind.TIMER), *due)


def name_of(timer: Timer) -> str:
    label = timer.draft.label
    return f"timer {timer.id} ({label})" if label else f"timer {timer.id}"


def _claim(context: Context, step: FireTimer, locks: ExitStack) -> ClaimedExecution | str:
    """Claim the execution if the timer is still armed for the planned time, and set the timer to its next time."""
    now = context.now()
    with context.store.exclusive() as db:
        timer = timers.load(db, step.timer)
        if timer.state is not TimerState.ARMED or timer.fire_at != step.fire_at:
            raise Overtaken(f"{name_of(timer)} has run already, or was cancelled", code="stale")
        timers.move_on(db, timer, next_instant(timer.draft.schedule, timer.fire_at, now))
        if _is_missed(timer, now):
            timers.skip(db, timer, actor=context.actor, now=now)
            return f"{step.detail}: missed, and skipped"
        row = {"timer": timer.id, "label": timer.draft.label, "fire_at": to_iso(step.fire_at)}
        request = ExecutionClaim(
            timer.source, timer.draft.action, timer.depth + 1, story=timer.story, facts=row
        )
        return claim(db, context, request, f"The request of {name_of(timer)} is done.", locks)


def _is_missed(timer: Timer, now: datetime) -> bool:
    """Return whether the timer skips this time. A timer that runs once never does."""
    draft = timer.draft
    skips = draft.catch_up is CatchUp.NONE and not isinstance(draft.schedule, Once)
    return skips and now - timer.fire_at > LATE


FIRE_TIMERS = Pass("fire-timers", plan, execute_each(_claim))
