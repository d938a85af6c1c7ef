"""All operations by the names that callers with JSON use: `huskies tool`, MCP clients, timers and triggers."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.humanize import did_you_mean
from huskies_core.operations.operation import Operation, operations_in

_MODULES = (
    *("stories", "story_list", "explain", "history", "moves"),
    *("agents", "agent_test", "runs", "output"),
    *("board", "costs", "pause", "worktree_list"),
    *("timers", "triggers"),
)


@cache
def tools() -> Mapping[str, Operation[Any, Any]]:
    """Return the operations by name, in the order of `_MODULES` and of their definitions."""
    modules = [import_module(f"huskies_core.operations.{name}") for name in _MODULES]
    operations = [operation for module in modules for operation in operations_in(module)]
    return MappingProxyType({operation.tool: operation for operation in operations if operation.tool})


def find(name: str) -> Operation[Any, Any]:
    """Return the operation. Raise UsageError that names the most similar one."""
    known = tools()
    if name not in known:
        hint = did_you_mean(name, known, "'huskies tool list' shows them.")
        raise UsageError(f"there is no tool {name}", hint=hint, subject=name)
    return known[name]


def prepare_call(name: str, arguments: Mapping[str, Any]) -> Callable[[Context], dict[str, Any]]:
    """Check a call with JSON values and return the function that makes it and returns its result as JSON values.

    This needs no project. Raise HuskiesError, with the argument in `subject`, for arguments that are invalid in every
    project.
    """
    from huskies_core.operations.schema import read_arguments

    operation = find(name)
    values = read_arguments(operation, arguments)
    operation.check_values(values, find)
    return lambda context: dict(operation.json(operation.run(context, values, find)))


def call(context: Context, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call an operation with JSON values and return its result as JSON values.

    Raise the errors of `prepare_call`, with nothing done, and those of the operation.
    """
    return prepare_call(name, arguments)(context)
