"""Timers: set for a time, listed with the times that come next, cancelled by number or label."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from huskies_core.config.problems import ConfigError
from huskies_core.context import Context
from huskies_core.errors import HuskiesError, UsageError
from huskies_core.operations.actions import check_name, number_of
from huskies_core.operations.time_parsing import moment, span
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.schedules import Cron, Every, Once, Schedule, upcoming, zone_of
from huskies_core.store import timers
from huskies_core.store.actions import Action
from huskies_core.store.timers import CatchUp, Draft, Timer, TimerKind, TimerState
from huskies_core.suggest import nearest

SHOWN = 3


@dataclass(frozen=True)
class When:
    """One of the four, as a person writes it; `tz` is the time zone of `at` and `cron`, the project's without it."""

    at: str | None = None
    after: str | None = None
    every: str | None = None
    cron: str | None = None
    tz: str | None = None


def schedule(
    context: Context, deed: Action, when: When, *, label: str = "", catch_up: CatchUp = CatchUp.ONCE
) -> Timer:
    """Sets a timer. Raises UsageError that names what is wrong, with nothing written."""
    refuse_inside_run(context)
    check_name("label", label)
    now = context.now()
    kind, first = _read(when, _zone(context, when), now)
    if isinstance(kind, Once) and catch_up is CatchUp.NONE:
        hint = "What fires once is never skipped."
        raise UsageError("catch-up none is for timers that recur", hint=hint, subject="catch_up")
    with context.store.exclusive() as db:
        return timers.add(db, Draft(deed, kind, first, label, catch_up), actor=context.actor, now=now)


def list_timers(context: Context, *, everything: bool = False) -> tuple[Timer, ...]:
    """Armed and interrupted timers, or all there ever were."""
    with context.store.reading() as db:
        found = timers.everything(db)
    shown = (TimerState.ARMED, TimerState.INTERRUPTED)
    return tuple(timer for timer in found if everything or timer.state in shown)


def cancel(context: Context, name: str) -> tuple[Timer, ...]:
    """Cancels the timer of that number, or all with that label; what is gone stays gone. The ones that were cancelled
    now."""
    refuse_inside_run(context)
    with context.store.exclusive() as db:
        found = timers.find(db, number_of(name)) if number_of(name) else None
        named = timers.labelled(db, name) if found is None else (found,)
        left = [timer for timer in named if _is_there(timer)]
        for timer in left:
            _refuse_limit(timer)
        for timer in left:
            timers.cancel(db, timer, actor=context.actor, now=context.now())
        return tuple(timers.load(db, timer.id) for timer in left)


def next_times(timer: Timer) -> tuple[datetime, ...]:
    """When an armed timer fires next, and after that."""
    if timer.state is not TimerState.ARMED:
        return ()
    return upcoming(timer.draft.schedule, timer.fire_at, SHOWN)


def _read(when: When, zone: str, now: datetime) -> tuple[Schedule, datetime]:
    match (when.at, when.after, when.every, when.cron):
        case (str(at), None, None, None):
            return Once(), moment(at, zone, now, subject="at")
        case (None, str(after), None, None):
            return Once(), now + timedelta(seconds=span(after, subject="in"))
        case (None, None, str(every), None):
            interval = span(every, subject="every")
            return Every(interval), now + timedelta(seconds=interval)
        case (None, None, None, str(cron)):
            return _cron(cron, zone, now)
        case _:
            hint = "Give a time (at), a span from now (in), an interval (every) or a cron expression."
            raise UsageError("when it fires is to be said in one way", hint=hint, subject="at")


def _cron(expression: str, zone: str, now: datetime) -> tuple[Schedule, datetime]:
    try:
        found = Cron(" ".join(expression.split()), zone)
        (first, *_) = upcoming(found, now, 2)[1:]
    except ValueError as error:
        raise UsageError(str(error), hint='Such as: "0 9 * * 1-5".', subject="cron") from error
    return found, first


def _zone(context: Context, when: When) -> str:
    """The time zone that was given, or the project's; UTC where the config does not load."""
    if when.tz is not None:
        from zoneinfo import available_timezones

        try:
            zone_of(when.tz)
        except ValueError as error:
            meant = nearest(when.tz, available_timezones())
            hint = f"Did you mean {meant}?" if meant else "Such as: Europe/London."
            raise UsageError(str(error), hint=hint, subject="tz") from error
        return when.tz
    try:
        return context.config.project.timezone
    except ConfigError:
        return "UTC"


def _refuse_limit(timer: Timer) -> None:
    if timer.kind is TimerKind.RATE_LIMIT:
        fact = f"timer {timer.id} is the wait of story {timer.story} for its agent's account"
        hint = f"'huskies freeze {timer.story}' keeps it from going on, 'huskies agent start {timer.story}' tries now."
        raise HuskiesError(fact, hint=hint, code="rate_limit_timer", subject=str(timer.id))


def _is_there(timer: Timer) -> bool:
    """Whether there is anything to cancel: a time to come, or a trouble that is listed."""
    lists = timer.state in (TimerState.ARMED, TimerState.INTERRUPTED)
    return lists or (timer.state is TimerState.FIRED and bool(timer.trouble))
