"""The commands for Typer. A command is imported when it runs; help reads only the index."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from huskies_cli.command_builder import build_command
from huskies_cli.command_index import COMMANDS
from huskies_cli.entry import Entry
from huskies_cli.help import print_help, show_help
from huskies_cli.output import Result, Stream, asks_for_json, finish
from huskies_cli.session import Session, session_of
from huskies_cli.streams import ReaderClosed, write_line
from huskies_cli.values import UnknownWord, use_plain_values
from huskies_core.errors import UsageError
from huskies_core.suggest import did_you_mean

if TYPE_CHECKING:
    from typer._click.core import Command, Context, Parameter

Param = TypeVar("Param")

EVERYWHERE = "Everywhere"
SUMMARY = (
    "Move stories through a pipeline: agents code them, gates and QA judge them, a merge queue lands them."
)


def run(arguments: Sequence[str], session: Session) -> int:
    """Run one command line, print its result and return the exit code."""
    root = build_app()
    try:
        with root.make_context("huskies", list(arguments), obj=session) as context:
            outcome = root.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except ReaderClosed:
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
    """Return the command or the group of a row of the index."""
    if entry.children:
        return Group(
            name=entry.name, entries=entry.children, help=entry.help, params=_options_of(_everywhere)
        )
    definition = getattr(import_module(entry.module), entry.name_there)
    return build_command(definition, entry.name, OneCommand)


class OneCommand(TyperCommand):
    """A command with the options that every command has."""

    def __init__(self, name: str | None, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.help = _unwrapped(self.help or "")
        self.params.extend(_options_of(_everywhere))
        for param in self.params:
            _fit(param)

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        _note_command(ctx)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, _ctx: "Context") -> list[str]:
        """Return metavars such as `[ID...]` without the braces that Typer adds."""
        return [
            "[OPTIONS]",
            *(param.metavar or "" for param in self.params if isinstance(param, TyperArgument)),
        ]

    def get_help_option(self, ctx: "Context") -> TyperOption | None:
        return _as_help(super().get_help_option(ctx))


class Group(TyperGroup):
    """The commands of the index; one is imported when it runs."""

    def __init__(self, *, entries: Sequence[Entry], **settings: Any) -> None:
        super().__init__(**settings)
        self.entries = {entry.name: entry for entry in entries}

    def list_commands(self, _ctx: "Context") -> list[str]:
        return list(self.entries)

    def get_command(self, _ctx: "Context", cmd_name: str) -> "Command | None":
        """Return a command with as much as a list shows."""
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
            names = [entry.name for entry in self.entries.values() if not entry.hidden]
            hint = did_you_mean(name, names, f"See '{ctx.command_path} -h'.")
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


def _options_of(function: Callable[..., None]) -> "list[Parameter]":
    app = typer.Typer(add_completion=False)
    app.command("options", cls=TyperCommand)(function)
    params = list(typer.main.get_command(app).params)
    for param in params:
        _fit(param)
    return params


def _fit(param: Param) -> Param:
    """Set the parser of a parameter, and no metavar for a flag."""
    use_plain_values(param)
    if isinstance(param, TyperOption) and param.is_bool_flag and param.metavar is None:
        param.metavar = ""
    return param


def _unwrapped(text: str) -> str:
    """Return the paragraphs of a docstring without its line ends: a terminal breaks lines by itself."""
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
            "--project", metavar="PATH", help="The directory; by default searched upwards.", show_default=False,
            callback=_note_project, expose_value=False, is_eager=True, rich_help_panel=EVERYWHERE,
        ),
    ] = "",
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print one JSON document on stdout.",
            callback=_note_json, expose_value=False, is_eager=True, rich_help_panel=EVERYWHERE,
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", help="Suppress messages on stderr.",
            callback=_note_quiet, expose_value=False, is_eager=True, rich_help_panel=EVERYWHERE,
        ),
    ] = False,
) -> None:  # fmt: skip
    """Declare the options of every command."""


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
    """Declare the option of the program itself."""


def _usage_error(error: typer.TyperException, command: str) -> UsageError:
    message = error.format_message().removesuffix(".")
    hint = f"See '{' '.join(('huskies', *command.split()))} -h'."
    possibilities: Sequence[str] = getattr(error, "possibilities", None) or ()
    if possibilities and isinstance(error.message, str):
        message, hint = error.message, did_you_mean(possibilities[0], possibilities)
    if isinstance(error.__cause__, UnknownWord) and error.__cause__.hint:
        hint = error.__cause__.hint
    return UsageError(message[:1].lower() + message[1:], hint=hint)
