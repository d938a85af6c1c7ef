"""Commands as Typer runs them, built from their definitions."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from functools import partial
from importlib import import_module
from pathlib import Path
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer
from typer.core import TyperCommand

from huskies_cli.command import Call, Outcome, OwnCommand
from huskies_cli.output import ErrorItem, Result
from huskies_cli.project_context import open_context
from huskies_cli.session import Session, session_of
from huskies_cli.values import parse_word
from huskies_core.errors import HuskiesError
from huskies_core.operations import registry
from huskies_core.operations.operation import Operation, Parameter, bare_type

if TYPE_CHECKING:
    from typer._click.core import Command as TyperAnyCommand

Definition = Operation[Any, Any] | OwnCommand


def build_command(definition: Definition, name: str, cls: type[TyperCommand]) -> "TyperAnyCommand":
    """Return the Typer command of a definition, under the last word of its name."""
    command = definition.command
    assert command is not None

    def callback(ctx: typer.Context, **given: Any) -> Outcome:
        values = {item.variable: _value(item, given[item.variable]) for item in definition.parameters}
        if isinstance(definition, OwnCommand):
            return definition(session_of(ctx), **values)
        return _run_operation(definition, session_of(ctx), values)

    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    signature = inspect.Signature([context, *map(_typer_parameter, definition.parameters)])
    vars(callback)["__signature__"] = signature
    callback.__annotations__ = {item.name: item.annotation for item in signature.parameters.values()}
    app = typer.Typer(add_completion=False)
    # Rich reads `[word` as markup and prints nothing for it.
    help_text = "\n\n".join(filter(None, (definition.help, command.note))).replace("[", r"\[")
    settings = {"ignore_unknown_options": command.takes_dashes}
    app.command(name, cls=cls, help=help_text, context_settings=settings)(callback)
    return typer.main.get_command(app)


def flags_of(item: Parameter) -> tuple[str, ...]:
    """Return the names of an option, such as `--criterion` and `-c`."""
    return item.about.flags or (f"--{item.name.replace('_', '-')}",)


def takes_several(item: Parameter) -> bool:
    """Return whether the command takes several values, which may be a call each."""
    return item.is_repeated or item.about.metavar.endswith("...")


def help_of(item: Parameter) -> str:
    """Return the help of an option or an argument."""
    return (
        f"{item.about.help} Repeatable."
        if takes_several(item) and not item.about.positional
        else item.about.help
    )


def default_of(item: Parameter) -> Any:
    """Return the default of the command line; None for a required parameter."""
    return None if item.is_required else item.about.default if item.default is None else item.default


def words_of(item: Parameter) -> tuple[str, ...]:
    """Return the words that a value can be; an empty tuple if it can be any."""
    kind = bare_type(item.type)
    kind = get_args(kind)[0] if get_origin(kind) is tuple else kind
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(str(member.value) for member in kind)
    return item.about.words


def is_flag(item: Parameter) -> bool:
    """Return whether an option takes no value: a switch, or a pair of flags such as --once/--persistent."""
    return item.type is bool or any("/" in flag for flag in item.about.flags)


def _run_operation(operation: Operation[Any, Any], session: Session, values: Mapping[str, Any]) -> Outcome:
    view, command = _view_of(operation), operation.command
    if command is not None and command.check is not None:
        command.check(**values, find=registry.find)
    with open_context(session.start) as context:
        call = Call(context, session, values)
        if command is not None and command.each:
            return _run_each(operation, command.each, view, call)
        result = operation.run(context, values, registry.find)
        shown: Result = view(result, call)
        return replace(shown, data=operation.json(result)) if session.json else shown


def _run_each(operation: Operation[Any, Any], key: str, view: Callable[..., Result], call: Call) -> Result:
    """Call the operation for each id. An error stops no other call; that of a single id is the command's own."""
    first, *_ = operation.parameters
    given = call.values[first.variable]
    ids: Sequence[int] = given if isinstance(given, tuple) else (given,)
    results: list[Any] = []
    errors: list[ErrorItem] = []
    for story in dict.fromkeys(ids):
        try:
            if operation.check is not None:
                operation.check(**call.values)
            results.append(operation.run(call.context, {**call.values, first.variable: story}, registry.find))
        except HuskiesError as error:
            if len(ids) == 1:
                raise
            errors.append(ErrorItem.of(error))
    shown = view(results, call)
    data = {key: [operation.json(result) for result in results]}
    return Result.of_items(data, shown.text, errors, done=len(results), talk=shown.talk if results else ())


def _view_of(operation: Operation[Any, Any]) -> Callable[..., Result]:
    """Return the function that renders a result: the one with the operation's name, or `show`, of the module of
    views with the name of the operation's module."""
    family = operation.function.__module__.rpartition(".")[2]
    views = vars(import_module(f"huskies_cli.views.{family}"))
    view: Callable[..., Result] = views.get(operation.tool or operation.function.__name__) or views["show"]
    return view


def _typer_parameter(item: Parameter) -> inspect.Parameter:
    about = item.about
    kind, default = _typer_type(item), inspect.Parameter.empty if item.is_required else _typer_default(item)
    parser = about.parse or (partial(parse_word, about.words) if about.words else None)
    default_word = default_of(item)
    shows = not about.positional and default_word is not False and default_word not in (None, "", ())
    settings: dict[str, Any] = {"parser": parser, "metavar": about.metavar or None, "show_default": shows}
    if about.positional:
        info = typer.Argument(help=about.help, **settings)
    else:
        info = typer.Option(*flags_of(item), help=help_of(item), **settings)
    return inspect.Parameter(
        item.variable, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )


def _typer_type(item: Parameter) -> Any:
    """Return the annotation that Typer knows for the type of a parameter."""
    kind: Any = bare_type(item.type)
    if is_flag(item):
        return bool
    if get_origin(kind) is tuple:
        kind = get_args(kind)[0]
    elif get_origin(kind) is Mapping:
        kind = str
    if takes_several(item):
        several = GenericAlias(list, (kind,))
        return several if item.is_required else several | None
    return kind if item.is_required or item.default is not None else kind | None


def _typer_default(item: Parameter) -> Any:
    if is_flag(item) and item.type is not bool:
        return _flag_words(item)[0] == default_of(item)
    return None if takes_several(item) or item.about.is_file else default_of(item)


def _value(item: Parameter, given: Any) -> Any:
    """Return the value of a parameter as the function takes it."""
    if takes_several(item):
        return tuple(given) if given else () if item.is_required else item.default
    if given is None:
        return item.default
    if is_flag(item) and item.type is not bool:
        return bare_type(item.type)(_flag_words(item)[0 if given else 1])
    if get_origin(bare_type(item.type)) is Mapping:
        from huskies_core.operations.schema import read_object

        return read_object(given, subject=item.name)
    return _read_file(given, flags_of(item)[0].strip("-")) if item.about.is_file else given


def _flag_words(item: Parameter) -> Sequence[str]:
    """Return the words of a pair of flags, of which the first is on by default."""
    return [flag.strip("-") for flag in item.about.flags[0].split("/")]


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
