"""What the flags that every command takes have said. Light: a tick with nothing due pays for it."""

import os

from huskies_cli.streams import tell

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from pathlib import Path

    import typer


class Session:
    """One invocation: filled while arguments are parsed, read by the command and by what reports its end."""

    __slots__ = ("command", "json", "project", "quiet", "streaming")

    def __init__(self) -> None:
        self.command = ""
        self.project = ""
        self.json = False
        self.quiet = False
        self.streaming = False

    @property
    def place(self) -> str:
        """Where the search for the project starts, as it was given; empty for the current directory."""
        return self.project or os.environ.get("HUSKIES_PROJECT", "")

    @property
    def start(self) -> "Path":
        """The directory in which the search for the project starts. Raises NoProject when it is none."""
        from pathlib import Path

        from huskies_core.errors import NoProject

        if self.place and not Path(self.place).is_dir():
            raise NoProject(f"{self.place} is not a directory", hint="Check --project and HUSKIES_PROJECT.")
        try:
            return Path(self.place) if self.place else Path.cwd()
        except FileNotFoundError as error:
            raise NoProject("the current directory is gone", hint="Change to one that exists.") from error

    def say(self, line: str) -> None:
        """Talk, for whoever watches: one line on stderr, nothing with --quiet."""
        from huskies_core.sanitize import one_line

        if self.quiet:
            return
        tell(one_line(line))


def session_of(context: "typer.Context") -> Session:
    session = context.find_object(Session)
    if session is None:
        raise LookupError("the command was not started by main()")
    return session
