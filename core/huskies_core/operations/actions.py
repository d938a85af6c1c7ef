"""Check the actions of timers and triggers; list and cancel timers and triggers."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.operations.drafts import check_text
from huskies_core.operations.operation import FindOperation
from huskies_core.operations.schema import read_arguments
from huskies_core.sanitize import has_controls, one_line
from huskies_core.store.actions import (
    SOURCE_VARIABLES,
    Action,
    TaskPrompt,
    ToolCall,
    fill_variables,
    variables_of,
)
from huskies_core.store.connection import Connection
from huskies_core.store.timers import Timer
from huskies_core.store.triggers import Trigger

Item = TypeVar("Item", Timer, Trigger)

TOOL = Argument(
    "The operation to call; 'huskies tool list' lists them. Not with a prompt.",
    metavar="NAME",
    completion="tools",
)
ARGS = Argument("The arguments of the operation, a JSON object.", metavar="JSON")
PROMPT = Argument("The description of a task that is created and started at once.", metavar="TEXT")
FINISHED = Argument("Include finished ones.", flags=("--all",))
_EXAMPLE = {"story_id": "1", "story_title": "A title", "event": "start", "from": "backlog", "to": "coding"}


class Table(Protocol[Item]):
    """The timers or the triggers of the store."""

    def find(self, db: Connection, number: int, /) -> Item | None: ...

    def load(self, db: Connection, number: int, /) -> Item: ...

    def labelled(self, db: Connection, label: str, /) -> tuple[Item, ...]: ...

    def everything(self, db: Connection, /) -> tuple[Item, ...]: ...

    def cancel(self, db: Connection, item: Item, /, *, actor: str, now: datetime) -> None: ...


def build_action(
    find: FindOperation,
    tool: str | None,
    args: Mapping[str, Any] | None,
    prompt: str | None,
    *,
    of_trigger: bool = False,
) -> Action:
    """Return the action, a tool call or a prompt. Exactly one of them must be given.

    The action of a trigger may have variables of the transition, such as `{{story_id}}`. Raise a HuskiesError that
    names the argument.
    """
    if (tool is None) == (prompt is None):
        hint = "Give a tool with its args, or a prompt."
        raise UsageError("the action must be either a tool call or a prompt", hint=hint, subject="tool")
    if tool is not None:
        return _tool_call(find, tool, args or {}, of_trigger=of_trigger)
    if args is not None:
        raise UsageError("a prompt takes no arguments", subject="args")
    check_text("prompt", prompt or "")
    if not one_line(prompt or ""):
        raise UsageError("the prompt is empty", subject="prompt")
    action = TaskPrompt(prompt or "")
    if of_trigger:
        _check_variables(action, "prompt")
    return action


def check_action(
    *,
    find: FindOperation,
    tool: str | None,
    args: Mapping[str, Any] | None,
    prompt: str | None,
    of_trigger: bool = False,
    **_: object,
) -> None:
    """Raise HuskiesError for an invalid action, as `build_action` does."""
    build_action(find, tool, args, prompt, of_trigger=of_trigger)


def check_name(field: str, text: str) -> None:
    """Raise UsageError if `text` cannot be a label. The empty text can."""
    check_text(field, text)
    if has_controls(text) or text != text.strip():
        raise UsageError(f"{text!r} is not one line of text", subject=field)


def list_items(context: Context, table: Table[Item], *, finished: bool) -> tuple[Item, ...]:
    """Return the timers or triggers that have not finished, or all."""
    with context.store.reading() as db:
        items = table.everything(db)
    return tuple(item for item in items if finished or item.state.value not in ("fired", "cancelled"))


def cancel_named(
    context: Context, table: Table[Item], name: str, check: Callable[[Item], None] = lambda _: None
) -> tuple[Item, ...]:
    """Cancel the timer or trigger with that number, or all with that label, and return them.

    Do not change a finished one unless its last execution has a listed problem.
    """
    digits = name.removeprefix("#")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0
    with context.store.exclusive() as db:
        numbered = table.find(db, number) if number else None
        named = table.labelled(db, name) if numbered is None else (numbered,)
        items = [item for item in named if _can_be_cancelled(item)]
        for item in items:
            check(item)
        for item in items:
            table.cancel(db, item, actor=context.actor, now=context.now())
        return tuple(table.load(db, item.id) for item in items)


def _can_be_cancelled(item: Timer | Trigger) -> bool:
    return bool(item.problem) if item.state.value == "fired" else item.state.value != "cancelled"


def _tool_call(find: FindOperation, tool: str, args: Mapping[str, Any], *, of_trigger: bool) -> ToolCall:
    """Return the call after checking its arguments. For a trigger, check them with an example transition."""
    call = ToolCall(tool, json.dumps(dict(args), ensure_ascii=False))
    if of_trigger:
        _check_variables(call, "args")
    example = fill_variables(call, _EXAMPLE) if of_trigger else call
    assert isinstance(example, ToolCall)
    read_arguments(find(tool), example.values)
    return call


def _check_variables(action: Action, field: str) -> None:
    for name in variables_of(action):
        if name not in SOURCE_VARIABLES:
            hint = f"Variables: {', '.join(SOURCE_VARIABLES)}."
            raise UsageError(f"there is no variable {{{{{name}}}}}", hint=hint, subject=field)
