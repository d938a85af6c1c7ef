"""Timers: actions at a time, once or repeatedly."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from huskies_core.argument import Argument
from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError, UsageError
from huskies_core.humanize import did_you_mean
from huskies_core.operations import actions
from huskies_core.operations.operation import Command, FindOperation, operation
from huskies_core.operations.record_json import pick
from huskies_core.operations.time_parsing import moment, span
from huskies_core.schedules import (
    Cron,
    Every,
    Once,
    Schedule,
    load_zone,
    next_instant,
    next_instants,
    schedule_to_json,
)
from huskies_core.store import timers
from huskies_core.store.actions import to_json as action_json
from huskies_core.store.timers import CatchUp, Timer, TimerDraft, TimerKind, TimerState

NEXT_TIMES = 3
_ZONE_HELP = "The time zone of the time or the cron expression, such as Europe/London."
Zone = Annotated[str | None, Argument(_ZONE_HELP, metavar="ZONE", completion="zones")]


def timer_json(timer: Timer) -> dict[str, Any]:
    draft = timer.draft
    return {
        **pick(timer, "id", "kind", "story", "fire_at", "state"),
        "label": draft.label or None,
        "next": [to_iso(time) for time in next_times(timer)],
        "action": action_json(draft.action),
        "catch_up": draft.catch_up,
        "trouble": timer.problem or None,
        **schedule_to_json(draft.schedule),
    }


@operation(
    "schedule_timer",
    Command("timer add"),
    json=timer_json,
    writes=True,
    check=actions.check_action,
)
def schedule_timer(
    context: Context,
    at: Annotated[str | None, Argument("Once, at a time: 14:30, 2026-12-01T09:00.", metavar="TIME")] = None,
    after: Annotated[
        str | None, Argument("Once, after a span: 90s, 2h, 1d.", flags=("--in",), metavar="SPAN")
    ] = None,
    every: Annotated[str | None, Argument("Repeatedly, at an interval: 30m, 6h.", metavar="SPAN")] = None,
    cron: Annotated[str | None, Argument("By a cron expression of five fields.", metavar="EXPR")] = None,
    *,
    tz: Zone = None,
    label: Annotated[str, Argument("A label by which the timer can be cancelled.", metavar="LABEL")] = "",
    catch_up: Annotated[
        CatchUp | None,
        Argument(
            "Run once for all missed times, or skip them (none).", metavar="once|none", default=CatchUp.ONCE
        ),
    ] = None,
    tool: Annotated[str | None, actions.TOOL] = None,
    args: Annotated[Mapping[str, Any] | None, actions.ARGS] = None,
    prompt: Annotated[str | None, actions.PROMPT] = None,
    find: FindOperation,
) -> Timer:
    """Set a timer.

    Give exactly one of a time, a span, an interval and a cron expression, and exactly one action: an operation with its
    arguments, or a prompt.
    """
    action = actions.build_action(find=find, tool=tool, args=args, prompt=prompt)
    actions.check_name("label", label)
    zone, now = context.timezone if tz is None else _known_zone(tz), context.now()
    kind, first = _read_time(at, after, every, cron, zone, now)
    catch_up = catch_up or CatchUp.ONCE
    if isinstance(kind, Once) and catch_up is CatchUp.NONE:
        hint = "A timer that runs once is never skipped."
        raise UsageError("catch-up none is for timers that recur", hint=hint, subject="catch_up")
    with context.store.exclusive() as db:
        return timers.add(db, TimerDraft(action, kind, first, label, catch_up), actor=context.actor, now=now)


@operation("list_timers", Command("timer list"), json=lambda items: {"timers": list(map(timer_json, items))})
def list_timers(context: Context, *, finished: actions.Finished = False) -> tuple[Timer, ...]:
    """List timers, each with its next three times.

    The list contains the armed timers, and timers with an interrupted tool call.
    """
    return actions.list_items(context, timers, finished=finished)


@operation("cancel_timer", Command("timer cancel"), json=actions.cancelled_json, writes=True)
def cancel_timer(
    context: Context, timer: Annotated[str, actions.name_argument("timer", "The timer's id or label.")]
) -> tuple[Timer, ...]:
    """Cancel a timer, or all timers with a label.

    It is no error if no timer matches.
    """
    return actions.cancel_named(context, timers, timer, _refuse_limit)


def next_times(timer: Timer) -> tuple[datetime, ...]:
    """Return the next times of an armed timer."""
    if timer.state is not TimerState.ARMED:
        return ()
    return next_instants(timer.draft.schedule, timer.fire_at, NEXT_TIMES)


def _read_time(
    at: str | None, after: str | None, every: str | None, cron: str | None, zone: str, now: datetime
) -> tuple[Schedule, datetime]:
    """Return the schedule and its first time."""
    match at, after, every, cron:
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
            hint = "A time (at), a span from now (in), an interval (every) or a cron expression (cron)."
            raise UsageError("give exactly one time", hint=hint, subject="at")


def _cron(expression: str, zone: str, now: datetime) -> tuple[Schedule, datetime]:
    try:
        cron = Cron(" ".join(expression.split()), zone)
        first = next_instant(cron, now, now)
        if first is None:
            raise ValueError(f"{expression!r} matches no date")
    except ValueError as error:
        raise UsageError(str(error), hint='Such as: "0 9 * * 1-5".', subject="cron") from error
    return cron, first


def _known_zone(zone: str) -> str:
    try:
        load_zone(zone)
    except ValueError as error:
        from zoneinfo import available_timezones

        hint = did_you_mean(zone, available_timezones(), "Such as: Europe/London.")
        raise UsageError(str(error), hint=hint, subject="tz") from error
    return zone


def _refuse_limit(timer: Timer) -> None:
    if timer.kind is TimerKind.RATE_LIMIT:
        story = timer.story
        fact = f"timer {timer.id} continues story {story} after a rate limit"
        hint = f"'huskies freeze {story}' pauses the story, 'huskies agent start {story}' tries now."
        raise HuskiesError(fact, hint=hint, code="rate_limit_timer", subject=str(timer.id))
