"""Timers: actions at a time, once or repeatedly."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from huskies_core.argument import Argument
from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError, UsageError
from huskies_core.operations.actions import (
    ARGS,
    FINISHED,
    PROMPT,
    TOOL,
    build_action,
    cancel_named,
    check_action,
    check_name,
    list_items,
)
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.operation import Command, FindOperation, operation
from huskies_core.operations.time_parsing import moment, span
from huskies_core.schedules import Cron, Every, Once, Schedule, load_zone, next_instants, schedule_to_json
from huskies_core.store import actions, timers
from huskies_core.store.actions import Action
from huskies_core.store.timers import CatchUp, Timer, TimerDraft, TimerKind, TimerState
from huskies_core.suggest import did_you_mean

NEXT_TIMES = 3


@dataclass(frozen=True)
class When:
    """One of the four ways to give a time. `tz` is the time zone of `at` and `cron`; by default the project's."""

    at: str | None = None
    after: str | None = None
    every: str | None = None
    cron: str | None = None
    tz: str | None = None


def timer_json(timer: Timer) -> dict[str, Any]:
    draft = timer.draft
    return {
        "id": timer.id,
        "label": draft.label or None,
        "kind": timer.kind.value,
        "story": timer.story,
        "fire_at": to_iso(timer.fire_at),
        "next": [to_iso(time) for time in next_times(timer)],
        "action": actions.to_json(draft.action),
        "catch_up": draft.catch_up.value,
        "state": timer.state.value,
        "trouble": timer.problem or None,
        **schedule_to_json(draft.schedule),
    }


@operation("schedule_timer", Command("timer add", check=check_action), json=timer_json, writes=True)
def schedule_timer(
    context: Context,
    at: Annotated[str | None, Argument("Once, at a time: 14:30, 2026-12-01T09:00.", metavar="TIME")] = None,
    after: Annotated[
        str | None, Argument("Once, after a span: 90s, 2h, 1d.", flags=("--in",), metavar="SPAN")
    ] = None,
    every: Annotated[str | None, Argument("Repeatedly, at an interval: 30m, 6h.", metavar="SPAN")] = None,
    cron: Annotated[str | None, Argument("By a cron expression of five fields.", metavar="EXPR")] = None,
    *,
    tz: Annotated[
        str | None,
        Argument(
            "The time zone of the time or the cron expression, such as Europe/London.",
            metavar="ZONE",
            completion="zones",
        ),
    ] = None,
    label: Annotated[str, Argument("A label by which the timer can be cancelled.", metavar="L")] = "",
    catch_up: Annotated[
        CatchUp | None,
        Argument("Run missed times once, or not (none).", metavar="once|none", default=CatchUp.ONCE),
    ] = None,
    tool: Annotated[str | None, TOOL] = None,
    args: Annotated[Mapping[str, Any] | None, ARGS] = None,
    prompt: Annotated[str | None, PROMPT] = None,
    find: FindOperation,
) -> Timer:
    """Set a timer.

    Give exactly one time (a time, a span, an interval or a cron expression), and one action: an operation with its
    arguments, or a prompt.
    """
    action = build_action(find, tool, args, prompt)
    when = When(at, after, every, cron, tz)
    return schedule(context, action, when, label=label, catch_up=catch_up or CatchUp.ONCE)


@operation(
    "list_timers",
    Command("timer list"),
    json=lambda found: {"timers": [timer_json(timer) for timer in found]},
)
def list_timers(context: Context, *, finished: Annotated[bool, FINISHED] = False) -> tuple[Timer, ...]:
    """List timers, each with its next three times.

    The list has the armed timers, and timers with an interrupted tool call.
    """
    return list_items(context, timers, finished=finished)


@operation(
    "cancel_timer",
    Command("timer cancel"),
    json=lambda cancelled: {"cancelled": [timer.id for timer in cancelled]},
    writes=True,
)
def cancel_timer(
    context: Context,
    timer: Annotated[
        str, Argument("The timer's id or label.", metavar="TIMER", positional=True, completion="timers")
    ],
) -> tuple[Timer, ...]:
    """Cancel a timer, or all timers with a label.

    It is no error if no timer matches.
    """
    return cancel_named(context, timers, timer, _refuse_limit)


def schedule(
    context: Context, action: Action, when: When, *, label: str = "", catch_up: CatchUp = CatchUp.ONCE
) -> Timer:
    """Set a timer. Raise UsageError that names the invalid argument; nothing is written then."""
    refuse_inside_run(context)
    check_name("label", label)
    now = context.now()
    kind, first = _read(when, _zone(context, when), now)
    if isinstance(kind, Once) and catch_up is CatchUp.NONE:
        hint = "A timer that runs once is never skipped."
        raise UsageError("catch-up none is for timers that recur", hint=hint, subject="catch_up")
    with context.store.exclusive() as db:
        return timers.add(db, TimerDraft(action, kind, first, label, catch_up), actor=context.actor, now=now)


def next_times(timer: Timer) -> tuple[datetime, ...]:
    """Return the next times of an armed timer."""
    if timer.state is not TimerState.ARMED:
        return ()
    return next_instants(timer.draft.schedule, timer.fire_at, NEXT_TIMES)


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
            hint = "A time (at), a span from now (in), an interval (every) or a cron expression (cron)."
            raise UsageError("give exactly one time", hint=hint, subject="at")


def _cron(expression: str, zone: str, now: datetime) -> tuple[Schedule, datetime]:
    try:
        cron = Cron(" ".join(expression.split()), zone)
        (first, *_) = next_instants(cron, now, 2)[1:]
    except ValueError as error:
        raise UsageError(str(error), hint='Such as: "0 9 * * 1-5".', subject="cron") from error
    return cron, first


def _zone(context: Context, when: When) -> str:
    """Return the time zone that was given, or the project's."""
    if when.tz is None:
        return context.timezone
    try:
        load_zone(when.tz)
    except ValueError as error:
        from zoneinfo import available_timezones

        hint = did_you_mean(when.tz, available_timezones(), "Such as: Europe/London.")
        raise UsageError(str(error), hint=hint, subject="tz") from error
    return when.tz


def _refuse_limit(timer: Timer) -> None:
    if timer.kind is TimerKind.RATE_LIMIT:
        fact = f"timer {timer.id} is the wait of story {timer.story} for its agent's account"
        hint = (
            f"'huskies freeze {timer.story}' pauses the story, 'huskies agent start {timer.story}' tries now."
        )
        raise HuskiesError(fact, hint=hint, code="rate_limit_timer", subject=str(timer.id))
