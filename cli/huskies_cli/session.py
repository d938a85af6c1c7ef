"""The values of the options that every command has, and the state folder of the project that they name.

It imports little, because an idle tick and a TAB import it.
"""

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
    def project_path(self) -> str:
        """Return --project or HUSKIES_PROJECT; "" for the current directory."""
        return self.project or os.environ.get("HUSKIES_PROJECT", "")

    @property
    def start(self) -> "Path":
        """Return the directory in which the search for the project starts. Raise NoProject if it does not exist."""
        from pathlib import Path

        from huskies_core.errors import NoProject

        if self.project_path and not os.path.isdir(self.project_path):
            raise NoProject(
                f"{self.project_path} is not a directory", hint="Check --project and HUSKIES_PROJECT."
            )
        try:
            return Path(self.project_path) if self.project_path else Path.cwd()
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


def state_folder(start: str) -> str | None:
    """Return `.huskies` of the project that contains `start`; for a linked worktree, that of the main checkout.

    The folder may be missing. Return None if `start` is no directory of a repository, or is a worktree of a bare one.
    Raise OSError or ValueError for a path or a worktree that cannot be read.
    """
    folder = os.path.realpath(start)
    if not os.path.isdir(folder):
        return None
    while not _is_repository(folder):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return None
    checkout = _main_checkout(folder)
    return None if checkout is None else os.path.join(checkout, ".huskies")


def _is_repository(folder: str) -> bool:
    git = os.path.join(folder, ".git")
    return (
        os.path.exists(os.path.join(git, "HEAD"))
        or os.path.isfile(git)
        or (os.path.isfile(os.path.join(folder, "HEAD")) and os.path.isdir(os.path.join(folder, "objects")))
    )


def _main_checkout(folder: str) -> str | None:
    """Return the main checkout of a linked worktree, see gitrepository-layout(5), and any other folder itself.

    Return None for a worktree of a bare repository, which has no main checkout.
    """
    pointer = os.path.join(folder, ".git")
    if not os.path.isfile(pointer):
        return folder
    git_dir = os.path.join(folder, _text(pointer).removeprefix("gitdir:").strip())
    common = os.path.join(git_dir, "commondir")
    if not os.path.isfile(common):
        return folder
    main, name = os.path.split(os.path.realpath(os.path.join(git_dir, _text(common).strip())))
    return main if name == ".git" else None


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()
