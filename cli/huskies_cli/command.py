"""The definition of a command that does more than call an operation and render its result."""

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct

from huskies_cli.output import Result, Stream
from huskies_cli.session import Session
from huskies_core.context import Context
from huskies_core.operations.operation import Command, Parameter, parameters_of

Outcome = Result | Stream


class OwnCommand(Struct, frozen=True, dict=True):
    """A command with a function of its own, which opens the project itself."""

    command: Command
    function: Callable[..., Outcome]

    def __call__(self, session: Session, **values: Any) -> Outcome:
        return self.function(session, **values)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return parameters_of(self.function)

    @property
    def help(self) -> str:
        return inspect.getdoc(self.function) or ""


class Call(Struct, frozen=True):
    """A call of an operation, for the view of its result; `values` are the arguments by variable."""

    context: Context
    session: Session
    values: Mapping[str, Any]


def own_command(command: Command) -> Callable[[Callable[..., Outcome]], OwnCommand]:
    """Define a command. The docstring of the function is its help; its annotated parameters are its options."""
    return lambda function: OwnCommand(command, function)
