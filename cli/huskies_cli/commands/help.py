"""`huskies help`: the manual page of a command."""

import shutil
import signal
import subprocess
from typing import Annotated

import typer

from huskies_cli.app import run
from huskies_cli.commands import COMMANDS, Entry
from huskies_cli.output import Result
from huskies_cli.package_files import shipped
from huskies_cli.pages import PAGES, children_of
from huskies_cli.session import Session, session_of
from huskies_core.errors import UsageError
from huskies_core.suggest import nearest

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[COMMAND...]", help="A command, or pipeline, project.toml, agents.toml."),
]


def show_manual(ctx: typer.Context, words: Words = None) -> Result:
    """Open the manual page of a command.

    The one that came with this program, by man; where there is no man, what -h prints. Without a command, the page of
    huskies.
    """
    asked = tuple(words or ())
    _refuse_unknown(asked)
    name, section = _page(asked)
    path = shipped(f"man/man{section}/{name}.{section}", f"man/{name}.{section}")
    if session_of(ctx).json:
        return Result({"command": " ".join(asked), "page": None if path is None else str(path)})
    if not _is_shown([str(path)] if path else [str(section), name]):
        run([*(asked if asked[:1] and asked[0] not in PAGES else ()), "--help"], Session())
    return Result()


def _refuse_unknown(words: tuple[str, ...]) -> None:
    """Raises UsageError for what has no page, with what was probably meant."""
    topics: tuple[str, ...] = tuple(PAGES)
    entries: tuple[Entry, ...] = COMMANDS
    for word in words:
        names = [*topics, *(entry.name for entry in entries)]
        if word not in names:
            meant = nearest(word, names)
            hint = f"Did you mean '{meant}'?" if meant else "See 'huskies -h'."
            raise UsageError(f"no command '{word}'", hint=hint)
        entries = children_of(entries, word)
        topics = ()


def _page(words: tuple[str, ...]) -> tuple[str, int]:
    """A group's commands are on the page of the group."""
    return ("huskies", 1) if not words else (f"huskies-{words[0]}", PAGES.get(words[0], 1))


def _is_shown(page: list[str]) -> bool:
    """By man, on this terminal; False where there is none, or it has no such page. Ctrl-C is the pager's."""
    man = shutil.which("man")
    if man is None:
        return False
    signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.run([man, *page]).returncode == 0
