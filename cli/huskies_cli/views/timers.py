"""Timers and triggers as text."""

from collections.abc import Sequence

from huskies_cli import render
from huskies_cli.advice import tick_advice
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_core.clock import to_iso
from huskies_core.store.actions import Action, Continue, TaskPrompt, ToolCall
from huskies_core.store.timers import Timer
from huskies_core.store.triggers import Trigger

MOST = 50
"""The most rows of a table; the JSON has all."""
TIMER_COLUMNS = ("id", "label", "next", "mode", "action", "state")
TRIGGER_COLUMNS = ("id", "when", "mode", "action", "fired", "state")


def schedule_timer(timer: Timer, call: Call) -> Result:
    return Result(text=f"timer {timer.id}: {to_iso(timer.fire_at)}", messages=tick_advice(call.context))


def create_trigger(trigger: Trigger, _: Call) -> Result:
    return Result(text=f"trigger {trigger.id}: {_when(trigger)}")


def list_timers(timers: Sequence[Timer], call: Call) -> Result:
    """Return the timers that are due soonest."""
    soonest = sorted(timers, key=lambda timer: timer.fire_at)[:MOST]
    return Result(
        text=lambda: render.paragraphs(
            render.table(TIMER_COLUMNS, [row for timer in soonest for row in _timer_rows(timer)]),
            _omitted(len(timers), "timer list", call),
        )
    )


def list_triggers(triggers: Sequence[Trigger], call: Call) -> Result:
    return Result(
        text=lambda: render.paragraphs(
            render.table(TRIGGER_COLUMNS, map(_trigger_row, triggers[:MOST])),
            _omitted(len(triggers), "trigger list", call),
        )
    )


def cancel_timer(timers: Sequence[Timer], call: Call) -> Result:
    return _cancelled("timer", timers, call)


def cancel_trigger(triggers: Sequence[Trigger], call: Call) -> Result:
    return _cancelled("trigger", triggers, call)


def _cancelled(kind: str, items: Sequence[Timer | Trigger], call: Call) -> Result:
    text = "\n".join(f"{kind} {item.id} cancelled" for item in items)
    return Result(text=text, messages=() if items else (f"there is no {kind} {call.values[kind]} to cancel",))


def _omitted(total: int, command: str, call: Call) -> str:
    """Return the number of omitted rows and the command that prints them, or ""."""
    if total <= MOST:
        return ""
    return f"and {total - MOST} more: huskies {command}{' --all' if call.values['finished'] else ''} --json"


def _timer_rows(timer: Timer) -> list[tuple[render.Cell, ...]]:
    """Return a row for each of the next times."""
    from huskies_core.operations.timers import next_times

    first, *others = [to_iso(moment) for moment in next_times(timer) or (timer.fire_at,)]
    draft = timer.draft
    action, state = action_text(draft.action), _state(timer)
    row = (timer.id, draft.label, first, draft.schedule.mode, action, state)
    return [row, *((None, "", moment, "", "", "") for moment in others)]


def _trigger_row(trigger: Trigger) -> tuple[render.Cell, ...]:
    draft, action, state = trigger.draft, action_text(trigger.draft.action), _state(trigger)
    return (trigger.id, _when(trigger), draft.mode.value, action, trigger.fired, state)


def _when(trigger: Trigger) -> str:
    patterns = trigger.draft.predicate.as_document()
    return " ".join(f"{name} {pattern}" for name, pattern in patterns.items()) or "any transition"


def action_text(action: Action) -> str:
    """Return the action on one line, on a terminal short enough for a column."""
    match action:
        case TaskPrompt():
            text = action.text
        case Continue():
            text = f"story {action.story} continues"
        case ToolCall():
            text = f"{action.tool} {action.arguments}"
    return render.shortened(text, 50)


def _state(item: Timer | Trigger) -> str:
    return f"{item.state}: {item.problem}" if item.problem else item.state.value
