"""Check the actions of timers and triggers; list and cancel timers and triggers."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.operations.drafts import check_text
from huskies_core.operations.operation import FindOperation
from huskies_core.operations.schema import read_arguments
from huskies_core.sanitize import has_controls, is_number, one_line
from huskies_core.store.actions import (
    SOURCE_VARIABLES,
    Action,
    TaskPrompt,
    ToolCall,
    fill_arguments,
    variables_of,
)
from huskies_core.store.connection import Connection
from huskies_core.store.timers import Timer
from huskies_core.store.triggers import Trigger

Item = TypeVar("Item", Timer, Trigger)

_TOOL_HELP = "The operation to call; 'huskies tool list' lists them. Excludes a prompt."
TOOL = Argument(_TOOL_HELP, metavar="NAME", completion="tools")
ARGS = Argument("The arguments of the operation, a JSON object.", metavar="JSON")
PROMPT = Argument("The description of a task that is created and started at once.", metavar="TEXT")
Finished = Annotated[bool, Argument("Include finished ones.", flags=("--all",))]
_EXAMPLE = {"story_id": "1", "story_title": "A title", "event": "start", "from": "backlog", "to": "coding"}


def name_argument(kind: str, text: str) -> Argument:
    return Argument(text, metavar=kind.upper(), positional=True, completion=f"{kind}s")


def cancelled_json(items: Iterable[Timer | Trigger]) -> dict[str, object]:
    return {"cancelled": [item.id for item in items]}


class SourceModule(Protocol[Item]):
    """The module of the store for timers or for triggers."""

    def find(self, db: Connection, number: Any, /) -> Item | None: ...

    def labelled(self, db: Connection, label: str, /) -> tuple[Item, ...]: ...

    def everything(self, db: Connection, /) -> tuple[Item, ...]: ...

    def cancel(self, db: Connection, item: Item, /, *, actor: str, now: datetime) -> None: ...


def build_action(
    *,
    find: FindOperation,
    tool: str | None,
    args: Mapping[str, Any] | None,
    prompt: str | None,
    of_trigger: bool = False,
) -> Action:
    """Return the action, a tool call or a prompt. Exactly one of them must be given.

    The action of a trigger may have variables of the transition, such as `{{story_id}}`; the arguments of its call are
    checked with an example. Raise a HuskiesError that names the argument.
    """
    if (tool is None) == (prompt is None):
        hint = "Give a tool with its args, or a prompt."
        raise UsageError("the action must be either a tool call or a prompt", hint=hint, subject="tool")
    if tool is None:
        action: Action = _task_prompt(prompt or "", args)
    else:
        action = ToolCall(tool, json.dumps(dict(args or {}), ensure_ascii=False))
    for name in variables_of(action) if of_trigger else ():
        if name not in SOURCE_VARIABLES:
            fact, hint = f"there is no variable {{{{{name}}}}}", f"Variables: {', '.join(SOURCE_VARIABLES)}."
            raise UsageError(fact, hint=hint, subject="prompt" if tool is None else "args")
    if isinstance(action, ToolCall):
        values = fill_arguments(action.values, _EXAMPLE) if of_trigger else action.values
        operation = find(action.tool)
        operation.check_values(read_arguments(operation, values), find)
    return action


def check_action(*, find: FindOperation, of_trigger: bool = False, **values: Any) -> None:
    """Raise HuskiesError if the arguments of a timer or a trigger describe no valid action."""
    given = {name: values.get(name) for name in ("tool", "args", "prompt")}
    build_action(find=find, of_trigger=of_trigger, **given)


def check_name(field: str, text: str) -> None:
    """Raise UsageError if `text` cannot be a label. The empty text can."""
    check_text(field, text)
    if has_controls(text) or text != text.strip():
        raise UsageError(f"{text!r} is not one line of text", subject=field)


def list_items(context: Context, table: SourceModule[Item], *, finished: bool) -> tuple[Item, ...]:
    """Return the timers or triggers that have not finished, or all."""
    with context.store.reading() as db:
        items = table.everything(db)
    return tuple(item for item in items if finished or item.state.value not in ("fired", "cancelled"))


def cancel_named(
    context: Context, table: SourceModule[Item], name: str, check: Callable[[Item], None] = lambda _: None
) -> tuple[Item, ...]:
    """Cancel the timer or trigger with that number, or all with that label, and return them as they were.

    Do not change a finished one unless its last execution has a listed problem. If `check` raises, change none.
    """
    digits = name.removeprefix("#")
    with context.store.exclusive() as db:
        numbered = table.find(db, int(digits)) if is_number(digits) else None
        named = table.labelled(db, name) if numbered is None else (numbered,)
        live = (item for item in named if item.state.value != "cancelled")
        items = tuple(item for item in live if item.state.value != "fired" or item.problem)
        for item in items:
            check(item)
            table.cancel(db, item, actor=context.actor, now=context.now())
    return items


def _task_prompt(prompt: str, args: Mapping[str, Any] | None) -> TaskPrompt:
    if args is not None:
        raise UsageError("a prompt takes no arguments", subject="args")
    check_text("prompt", prompt)
    if not one_line(prompt):
        raise UsageError("the prompt is empty", subject="prompt")
    return TaskPrompt(prompt)
