"""`huskies help`: the manual page of a command."""

import shutil
import signal
import subprocess
from typing import Annotated

from huskies_cli.app import run
from huskies_cli.command import own_command
from huskies_cli.command_index import COMMANDS
from huskies_cli.entry import Entry
from huskies_cli.output import Result
from huskies_cli.package_files import shipped
from huskies_cli.pages import PAGES, children_of
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.errors import UsageError
from huskies_core.humanize import did_you_mean
from huskies_core.operations.operation import PROJECT, Command

Words = Annotated[
    tuple[str, ...],
    Argument(
        "A command, or pipeline, project.toml, agents.toml.",
        metavar="[COMMAND...]",
        positional=True,
        completion="pages",
    ),
]


@own_command(Command("help", PROJECT))
def show_manual(session: Session, words: Words = ()) -> Result:
    """Open the manual page of a command.

    The page is the one of this installation. Without the program man, the help of -h is printed. Without a command, the
    page is huskies(1).
    """
    _refuse_unknown(words)
    name, section = _page(words)
    path = shipped(f"man/man{section}/{name}.{section}", f"man/{name}.{section}")
    if session.json:
        return Result({"command": " ".join(words), "page": None if path is None else str(path)})
    if not _is_shown([str(path)] if path else [str(section), name]):
        run([*(words if words[:1] and words[0] not in PAGES else ()), "--help"], Session())
    return Result()


def _refuse_unknown(words: tuple[str, ...]) -> None:
    """Raise UsageError for words without a page; name the most similar command."""
    topics: tuple[str, ...] = tuple(PAGES)
    entries: tuple[Entry, ...] = COMMANDS
    for word in words:
        names = [*topics, *(entry.name for entry in entries)]
        if word not in names:
            hint = did_you_mean(word, names, "See 'huskies -h'.")
            raise UsageError(f"no command '{word}'", hint=hint)
        entries = children_of(entries, word)
        topics = ()


def _page(words: tuple[str, ...]) -> tuple[str, int]:
    """Return the name and the section of a page. The commands of a group are on the page of the group."""
    return ("huskies", 1) if not words else (f"huskies-{words[0]}", PAGES.get(words[0], 1))


def _is_shown(page: list[str]) -> bool:
    """Show a page with man. Return False without man or without such a page. Ctrl-C goes to the pager."""
    man = shutil.which("man")
    if man is None:
        return False
    signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.run([man, *page]).returncode == 0
