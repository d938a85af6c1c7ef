"""Commands as Typer runs them, built from their definitions."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

from msgspec.structs import replace
from typer.core import TyperArgument, TyperCommand

from huskies_cli.command import Call, Outcome, OwnCommand
from huskies_cli.options import build_option, common_options
from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import Session, note_command, session_of
from huskies_core.errors import HuskiesError
from huskies_core.operations import registry
from huskies_core.operations.operation import Operation, Parameter

if TYPE_CHECKING:
    from typer._click.core import Context

Definition = Operation[Any, Any] | OwnCommand

_VIEWS = {"agent_test": "agents", "moves": "stories", "pause": "stories", "triggers": "timers"}
"""The module of views for each module of operations that has none of its own."""


class OneCommand(TyperCommand):
    """The command of a definition, under the last word of its name, with the options that every command has."""

    def __init__(self, definition: Definition, name: str) -> None:
        command = definition.command
        assert command is not None
        paragraphs = "\n\n".join(filter(None, (definition.help, command.note))).split("\n\n")
        # A terminal breaks lines by itself. Rich reads `[word` as markup and prints nothing for it.
        text = "\n\n".join(" ".join(part.split()) for part in paragraphs).replace("[", r"\[")
        super().__init__(
            name,
            help=text,
            params=[*map(build_option, definition.parameters), *common_options()],
            context_settings={"ignore_unknown_options": command.takes_dashes},
            add_help_option=False,
        )
        self._definition = definition

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        note_command(ctx)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, _ctx: "Context") -> list[str]:
        """Return metavars such as `[ID...]` without the braces that Typer adds."""
        return [
            "[OPTIONS]",
            *(param.metavar or "" for param in self.params if isinstance(param, TyperArgument)),
        ]

    def invoke(self, ctx: "Context") -> Outcome:
        definition, session = self._definition, session_of(ctx)
        values = {item.variable: _value(item, ctx.params[item.variable]) for item in definition.parameters}
        if isinstance(definition, OwnCommand):
            return definition(session, **values)
        return _run_operation(definition, session, values)


def _run_operation(operation: Operation[Any, Any], session: Session, values: Mapping[str, Any]) -> Outcome:
    view, command = _view_of(operation), operation.command
    with session.open() as context:
        call = Call(context, session, values)
        if command is not None and command.each:
            return _run_each(operation, command.each, view, call)
        result = operation.run(context, values, registry.find)
        shown: Result = view(result, call)
        return replace(shown, data=operation.json(result)) if session.json else shown


def _run_each(operation: Operation[Any, Any], key: str, view: Callable[..., Result], call: Call) -> Result:
    """Call the operation for each id. If a call fails, the others still run; for a single id, raise the error."""
    first, *_ = operation.parameters
    argument = call.values[first.variable]
    ids: Sequence[int] = argument if isinstance(argument, tuple) else (argument,)
    results: list[Any] = []
    errors: list[ErrorItem] = []
    for story in dict.fromkeys(ids):
        try:
            results.append(operation.run(call.context, {**call.values, first.variable: story}, registry.find))
        except HuskiesError as error:
            if len(ids) == 1:
                raise
            errors.append(ErrorItem.of(error))
    shown = view(results, call)
    data = {key: [operation.json(result) for result in results]}
    return Result(data, shown.text, tuple(errors), shown.messages if results else (), len(results))


def _view_of(operation: Operation[Any, Any]) -> Callable[..., Result]:
    """Return the function that renders a result: the one with the operation's name, or `show`, of the module of
    views for the operation's module."""
    family = operation.function.__module__.rpartition(".")[2]
    views = vars(import_module(f"huskies_cli.views.{_VIEWS.get(family, family)}"))
    view: Callable[..., Result] = views.get(operation.tool or operation.function.__name__) or views["show"]
    return view


def _value(item: Parameter, value: Any) -> Any:
    """Return the value of a parameter as the function takes it."""
    if item.takes_several:
        return tuple(value) if value else () if item.is_required else item.default
    if value is None:
        return item.default
    if item.flag_words:
        return item.value_type(item.flag_words[0 if value else 1])
    if get_origin(item.value_type) is Mapping:
        from huskies_core.operations.schema import read_object

        return read_object(value, subject=item.name)
    return _read_file(value, item.flags[0].strip("-")) if item.about.is_file else value


def _read_file(name: str, field: str) -> str:
    """Return the text of that file, or of stdin for `-`. Raise HuskiesError `not_found` or `invalid_text`."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise HuskiesError(f"there is no file {name}", code="not_found", subject=field) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise HuskiesError(f"{name} is not text in UTF-8", code="invalid_text", subject=field) from error
