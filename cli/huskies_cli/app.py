"""The commands as Typer sees them. A command is imported when it runs; help reads the table alone."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from huskies_cli.commands import COMMANDS, Entry
from huskies_cli.help import print_help, show_help
from huskies_cli.output import Result, Stream, asks_for_json, finish
from huskies_cli.session import Session, session_of
from huskies_cli.streams import ReaderGone, write_line
from huskies_cli.values import UnknownWord, use_plain_values
from huskies_core.errors import UsageError
from huskies_core.suggest import nearest

if TYPE_CHECKING:
    from typer._click.core import Command, Context, Parameter

Param = TypeVar("Param")

EVERYWHERE = "Everywhere"
SUMMARY = (
    "Move stories through a pipeline: agents code them, gates and QA judge them, a merge queue lands them."
)


def run(arguments: Sequence[str], session: Session) -> int:
    """Runs one command line, prints what it returned and gives the exit code. Raises what went wrong."""
    root = build_app()
    try:
        with root.make_context("huskies", list(arguments), obj=session) as context:
            outcome = root.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except ReaderGone:
        return 0
    except typer.TyperException as error:
        session.json = session.json or asks_for_json(arguments)
        raise _usage_error(error, session.command) from error
    except UsageError:
        session.json = session.json or asks_for_json(arguments)
        raise
    if not isinstance(outcome, Result | Stream):
        raise TypeError(f"the command returned {outcome!r}")
    return finish(outcome, session)


def build_app() -> "Group":
    return Group(
        name="huskies",
        entries=COMMANDS,
        help=SUMMARY,
        params=[*_options_of(_version), *_options_of(_everywhere)],
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def load(entry: Entry) -> "Command":
    """The command or group behind a row of the table, its module imported."""
    if entry.children:
        return Group(
            name=entry.name, entries=entry.children, help=entry.help, params=_options_of(_everywhere)
        )
    function = getattr(import_module(f"huskies_cli.commands.{entry.module}"), entry.function)
    return _as_command(
        entry.name, function, cls=OneCommand, settings={"ignore_unknown_options": entry.any_value}
    )


class OneCommand(TyperCommand):
    """A command with the flags that are everywhere, told apart from values by the parser itself."""

    def __init__(self, name: str | None, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.help = _unwrapped(self.help or "")
        self.params.extend(_options_of(_everywhere))
        for param in self.params:
            _fit(param)

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        _note_command(ctx)
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: "Context") -> TyperOption | None:
        return _as_help(super().get_help_option(ctx))


class Group(TyperGroup):
    """Commands by the table: known by name for help, imported when one of them runs."""

    def __init__(self, *, entries: Sequence[Entry], **settings: Any) -> None:
        super().__init__(**settings)
        self.entries = {entry.name: entry for entry in entries}

    def list_commands(self, _ctx: "Context") -> list[str]:
        return list(self.entries)

    def get_command(self, _ctx: "Context", cmd_name: str) -> "Command | None":
        """As much of a command as a listing shows. `load` has the whole."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        return TyperCommand(cmd_name, help=entry.help, hidden=entry.hidden, rich_help_panel=entry.panel)

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, Command | None, list[str]]":
        name, *rest = args
        entry = self.entries.get(name)
        if entry is None:
            meant = nearest(name, [entry.name for entry in self.entries.values() if not entry.hidden])
            hint = f"Did you mean '{meant}'?" if meant else f"See '{ctx.command_path} -h'."
            raise UsageError(f"no command '{name}'", hint=hint)
        return name, load(entry), rest

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        _note_command(ctx)
        if not args:
            print_help(ctx)
            raise typer.Exit
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: "Context") -> TyperOption | None:
        return _as_help(super().get_help_option(ctx))


def _as_command(
    name: str, function: Callable[..., Any], cls: type[TyperCommand], settings: dict[str, Any] | None = None
) -> "Command":
    app = typer.Typer(add_completion=False)
    app.command(name, cls=cls, context_settings=settings)(function)
    return typer.main.get_command(app)


def _options_of(function: Callable[..., None]) -> "list[Parameter]":
    params = list(_as_command("options", function, cls=TyperCommand).params)
    for param in params:
        _fit(param)
    return params


def _fit(param: Param) -> Param:
    """Plain values for what takes one; in help, none for a flag."""
    use_plain_values(param)
    if isinstance(param, TyperOption) and param.is_bool_flag and param.metavar is None:
        param.metavar = ""
    return param


def _unwrapped(text: str) -> str:
    """Paragraphs without the line ends of the docstring that they are from: a terminal has its own."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _as_help(option: TyperOption | None) -> TyperOption | None:
    if option is not None:
        option.callback = show_help
    return _fit(option)


def _note_command(context: "Context") -> None:
    _, _, path = context.command_path.partition(" ")
    session = context.find_object(Session)
    if session is not None:
        session.command = path


def _note_project(ctx: typer.Context, value: str) -> None:
    session = session_of(ctx)
    session.project = value or session.project


def _note_json(ctx: typer.Context, *, value: bool) -> None:
    session = session_of(ctx)
    session.json = value or session.json


def _note_quiet(ctx: typer.Context, *, value: bool) -> None:
    session = session_of(ctx)
    session.quiet = value or session.quiet


def _everywhere(
    *,
    project: Annotated[
        str,
        typer.Option(
            "--project", metavar="PATH", help="The project; default: upwards from here.", show_default=False,
            callback=_note_project, expose_value=False, is_eager=True, rich_help_panel=EVERYWHERE,
        ),
    ] = "",
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="One JSON document on stdout.",
            callback=_note_json, expose_value=False, is_eager=True, rich_help_panel=EVERYWHERE,
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", help="No talk on stderr.",
            callback=_note_quiet, expose_value=False, is_eager=True, rich_help_panel=EVERYWHERE,
        ),
    ] = False,
) -> None:  # fmt: skip
    """The options that every command takes."""


def _print_version(*, value: bool) -> None:
    if value:
        from importlib.metadata import version

        write_line(sys.stdout, f"huskies {version('huskies')}")
        raise typer.Exit


def _version(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version.", callback=_print_version, expose_value=False, is_eager=True
        ),
    ] = False,
) -> None:
    """The option of the program itself."""


def _usage_error(error: typer.TyperException, command: str) -> UsageError:
    message = error.format_message().removesuffix(".")
    hint = f"See '{' '.join(('huskies', *command.split()))} -h'."
    possibilities: Sequence[str] = getattr(error, "possibilities", None) or ()
    if possibilities and isinstance(error.message, str):
        message, hint = error.message, f"Did you mean {possibilities[0]}?"
    if isinstance(error.__cause__, UnknownWord) and error.__cause__.meant:
        hint = f"Did you mean {error.__cause__.meant}?"
    return UsageError(message[:1].lower() + message[1:], hint=hint)
