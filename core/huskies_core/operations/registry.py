"""Every operation by its name, for who calls it with JSON: `huskies tool`, an MCP client, a timer, a trigger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import Any

from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.operations.arguments import read_arguments, schema_of
from huskies_core.suggest import nearest


@dataclass(frozen=True)
class Tool:
    """An operation. `arguments` is a record whose fields are made by `argument`; `run` gets one and gives JSON values.

    One that `writes` changes the project. A `long` one may make or remove a worktree: that can take many seconds.
    """

    name: str
    help: str
    arguments: type
    run: Callable[[Context, Any], Mapping[str, Any]]
    writes: bool
    long: bool = False


@cache
def tools() -> Mapping[str, Tool]:
    """By name, in the order in which they are listed."""
    from huskies_core.operations import (
        catalogue_moves,
        catalogue_project,
        catalogue_runs,
        catalogue_stories,
        catalogue_timers,
    )

    catalogues = (catalogue_stories, catalogue_moves, catalogue_runs, catalogue_project, catalogue_timers)
    return MappingProxyType({tool.name: tool for tool in chain(*(one.TOOLS for one in catalogues))})


def find(name: str) -> Tool:
    """Raises UsageError that names the one that was probably meant."""
    known = tools()
    if name not in known:
        meant = nearest(name, known)
        hint = f"Did you mean {meant}?" if meant else "'huskies tool list' shows them."
        raise UsageError(f"there is no tool {name}", hint=hint, subject=name)
    return known[name]


def parse(tool: Tool, arguments: Mapping[str, Any]) -> Any:
    """The record that `tool.run` takes, made of JSON values; nothing is run. Raises HuskiesError with the field in
    `subject`."""
    return read_arguments(tool.arguments, arguments, whose=tool.name)


def call(context: Context, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values in and out. Raises UsageError for wrong arguments, with nothing done, and what the operation does."""
    tool = find(name)
    return dict(tool.run(context, parse(tool, arguments)))


def schema(tool: Tool) -> dict[str, Any]:
    """The JSON schema of its arguments."""
    return schema_of(tool.arguments)
