"""The commands for Typer. A command is imported when it runs; help reads only the index."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from huskies_cli.command_builder import OneCommand
from huskies_cli.command_index import COMMANDS
from huskies_cli.entry import Entry
from huskies_cli.options import UnknownWord, common_options, print_help, version_option
from huskies_cli.output import Result, Stream, asks_for_json, finish
from huskies_cli.session import Session, note_command
from huskies_cli.streams import ReaderClosed
from huskies_core.errors import UsageError
from huskies_core.humanize import did_you_mean
from huskies_core.sanitize import one_line

if TYPE_CHECKING:
    from typer._click.core import Command, Context

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
    params = [version_option(), *common_options()]
    return Group(name="huskies", entries=COMMANDS, help=SUMMARY, params=params, add_help_option=False)


def load(entry: Entry) -> "Command":
    """Return the command or the group of a row of the index."""
    if entry.children:
        return Group(
            name=entry.name,
            entries=entry.children,
            help=entry.help,
            params=common_options(),
            add_help_option=False,
        )
    return OneCommand(getattr(import_module(entry.module), entry.name_there), entry.name)


class Group(TyperGroup):
    """The commands of the index; one is imported when it runs."""

    def __init__(self, *, entries: Sequence[Entry], **settings: Any) -> None:
        super().__init__(**settings)
        self.entries = {entry.name: entry for entry in entries}

    def list_commands(self, _ctx: "Context") -> list[str]:
        return list(self.entries)

    def get_command(self, _ctx: "Context", cmd_name: str) -> "Command | None":
        """Return a command that has only the attributes that a list of commands shows."""
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
        note_command(ctx)
        if not args:
            print_help(ctx)
            raise typer.Exit
        return super().parse_args(ctx, args)


def _usage_error(error: typer.TyperException, command: str) -> UsageError:
    message = one_line(error.format_message()).removesuffix(".")
    hint = f"See '{' '.join(('huskies', *command.split()))} -h'."
    possibilities: Sequence[str] = getattr(error, "possibilities", None) or ()
    if possibilities and isinstance(error.message, str):
        message, hint = error.message, did_you_mean(possibilities[0], possibilities)
    if isinstance(error.__cause__, UnknownWord) and error.__cause__.hint:
        hint = error.__cause__.hint
    return UsageError(message[:1].lower() + message[1:], hint=hint)
