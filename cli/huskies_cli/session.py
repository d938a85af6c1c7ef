"""The values of the options that every command has. It imports little, because an idle tick imports it."""

import os

from huskies_cli.streams import print_message

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from typer._click.core import Context

    from huskies_core.context import Context as OpenProject


class Session:
    """One invocation, filled while the arguments are parsed."""

    __slots__ = ("command", "json", "project", "quiet", "streaming")

    def __init__(self) -> None:
        self.command = ""
        self.project = ""
        self.json = False
        self.quiet = False
        self.streaming = False

    @property
    def place(self) -> str:
        """Return --project or HUSKIES_PROJECT; "" for the current directory."""
        return self.project or os.environ.get("HUSKIES_PROJECT", "")

    @property
    def start(self) -> "Path":
        """Return the directory in which the search for the project starts. Raise NoProject if it does not exist."""
        from pathlib import Path

        from huskies_core.errors import NoProject

        if self.place and not Path(self.place).is_dir():
            raise NoProject(f"{self.place} is not a directory", hint="Check --project and HUSKIES_PROJECT.")
        try:
            return Path(self.place) if self.place else Path.cwd()
        except FileNotFoundError as error:
            raise NoProject(
                "the current directory does not exist", hint="Change to another directory."
            ) from error

    def open(self, **settings: "Any") -> "AbstractContextManager[OpenProject]":
        """Open the project for the block, with the settings of `huskies_core.context.open_context`."""
        from huskies_cli.project_context import open_context

        return open_context(self.start, **settings)

    def say(self, line: str) -> None:
        """Print a message on stderr, unless --quiet is given."""
        from huskies_core.sanitize import one_line

        if self.quiet:
            return
        print_message(one_line(line))


def session_of(context: "Context") -> Session:
    session = context.find_object(Session)
    if session is None:
        raise LookupError("the command was not started by main()")
    return session


def note_command(context: "Context") -> None:
    """Set the command of the session, if there is one: the words after `huskies`."""
    session = context.find_object(Session)
    if session is not None:
        _, _, session.command = context.command_path.partition(" ")
