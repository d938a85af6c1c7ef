"""The completions that shells ask for on TAB: `huskies __complete KIND CURRENT TYPED…`, answered without Typer.

Each line is a word and, after a tab, its description. Few modules are imported. Errors print nothing, since the user is
still typing.
"""

import os
import sys

from huskies_cli.session import state_folder
from huskies_cli.streams import ReaderClosed, write_line

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 60
_PLAIN = "_-.:@+/"


def complete(arguments: list[str]) -> int:
    """Print the words of that kind that begin with the word at the cursor. TYPED are the words before it."""
    if len(arguments) > 1:
        kind, current, *typed = arguments
        prefix = current.partition("=")[2] if current.startswith("--") else current
        lines = [
            f"{value}\t{_shown(about)}"
            for value, about in _completions(kind, prefix, typed)
            if value.startswith(prefix) and _is_plain(value)
        ]
        _print(lines)
    return 0


def _print(lines: list[str]) -> None:
    try:
        if lines:
            write_line(sys.stdout, "\n".join(lines))
    except ReaderClosed:
        return


def _completions(kind: str, prefix: str, typed: list[str]) -> "Iterable[tuple[str, str]]":
    """Return the words of that kind with their descriptions; the store filters them by `prefix`."""
    if kind in ("pages", "zones"):
        return _of_every_project(kind, typed)
    try:
        state = state_folder(_start(typed))
    except (OSError, ValueError):
        return ()
    if state is None:
        return ()
    if kind == "agents":
        from huskies_core.completion_words import agent_names

        return agent_names(os.path.join(state, "agents.toml"))
    if kind in ("rescues", "rescue-times"):
        return _rescues(state, kind, _story(typed))
    from huskies_core.store.completions import completions

    kind = f"{kind}/{_story(typed)}" if kind == "runs-of" else kind
    return completions(os.path.join(state, "state.db"), kind, prefix)


def _of_every_project(kind: str, typed: list[str]) -> "Iterable[tuple[str, str]]":
    """Return the pages or time zones, which need no project."""
    if kind == "pages":
        from huskies_cli.pages import pages_after

        words = [word for word in typed if not word.startswith("-")]
        return pages_after(words[words.index("help") + 1 :]) if "help" in words else ()
    from huskies_core.completion_words import zone_names

    return ((name, "") for name in zone_names())


def _rescues(state: str, kind: str, story: str) -> "Iterable[tuple[str, str]]":
    """Return the stories with rescues, each with its newest, or the times of the rescues of one story."""
    from huskies_core.git.rescue_names import rescue_names

    rescues = rescue_names(os.path.join(os.path.dirname(state), ".git"))
    if kind == "rescue-times":
        return ((time, "") for number, time in rescues if number == story)
    newest = dict(reversed(rescues))
    return ((number, f"rescued {time}") for number, time in newest.items())


def _story(typed: list[str]) -> str:
    """Return the story id among the words, without #, or "" without one."""
    words = (word.removeprefix("#") for word in typed)
    return next((word for word in words if word.isascii() and word.isdigit()), "")


def _start(typed: list[str]) -> str:
    """Return the directory in which the search for the project starts. Bash passes `--project=x` as three words."""
    start = os.environ.get("HUSKIES_PROJECT", "")
    for number, word in enumerate(typed):
        name, _, value = word.partition("=")
        if name == "--project":
            rest = [value, *typed[number + 1 :]]
            start = next((word for word in rest if word not in ("", "=")), start)
    return os.path.expanduser(start) or "."


def _is_plain(value: str) -> bool:
    """Return whether no shell needs to quote the value; other values are not offered."""
    return (
        bool(value)
        and value[0] not in "-."
        and all(character.isalnum() or character in _PLAIN for character in value)
    )


def _shown(text: str) -> str:
    """Return the text as one line of printable characters."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    if line.isascii():
        return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    return _shortened(line)


def _shortened(line: str) -> str:
    """Return the line cut to the columns of a terminal, of which wide characters take two."""
    from unicodedata import east_asian_width

    columns = 0
    for position, character in enumerate(line):
        columns += 2 if east_asian_width(character) in "WF" else 1
        if columns > _LONGEST:
            return f"{line[: position - 1]}…"
    return line
