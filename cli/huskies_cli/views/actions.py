"""Text that timers and triggers share."""

from collections.abc import Sequence

from huskies_cli import render
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_core.store.actions import Action, Continue, TaskPrompt, ToolCall
from huskies_core.store.timers import Timer
from huskies_core.store.triggers import Trigger

MOST = 50
"""The most rows of a table; the JSON has all."""


def cancelled(kind: str, items: Sequence[Timer | Trigger], call: Call) -> Result:
    text = "\n".join(f"{kind} {item.id} cancelled" for item in items)
    return Result(text=text, talk=() if items else (f"there is no {kind} {call.values[kind]} to cancel",))


def omitted(total: int, command: str, *, finished: bool) -> str:
    """Return the number of omitted rows and the command that prints them, or ""."""
    if total <= MOST:
        return ""
    return f"and {total - MOST} more: huskies {command}{' --all' if finished else ''} --json"


def action_text(action: Action) -> str:
    """Return the action on one line, short enough for a column."""
    match action:
        case TaskPrompt():
            text = action.text
        case Continue():
            text = f"story {action.story} continues"
        case ToolCall():
            text = f"{action.tool} {action.arguments}"
    return render.shortened(text, 50)


def state_text(item: Timer | Trigger) -> str:
    return f"{item.state}: {item.problem}" if item.problem else item.state.value
