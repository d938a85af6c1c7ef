"""What a shell is told when somebody presses TAB: `huskies __complete KIND CURRENT TYPED…`, answered without Typer.

A line for each that can be typed, what it is behind a tab. It imports next to nothing, and where something is wrong it
is silent: the person is not done typing.
"""

import os
import sys

from huskies_cli.streams import ReaderGone, write_line

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 60
_PLAIN = "_-.:@+/"


def complete(arguments: list[str]) -> int:
    """Prints what there is of that kind that begins with the word at the cursor. TYPED are the words before it."""
    if len(arguments) > 1:
        kind, current, *typed = arguments
        prefix = current.partition("=")[2] if current.startswith("--") else current
        lines = [
            f"{value}\t{_shown(about)}"
            for value, about in _found(kind, prefix, typed)
            if value.startswith(prefix) and _is_plain(value)
        ]
        _print(lines)
    return 0


def _print(lines: list[str]) -> None:
    try:
        if lines:
            write_line(sys.stdout, "\n".join(lines))
    except ReaderGone:
        return


def _found(kind: str, prefix: str, typed: list[str]) -> "Iterable[tuple[str, str]]":
    """All that there is, or what the store has that begins with `prefix`."""
    if kind in ("pages", "zones"):
        return _everywhere(kind, typed)
    try:
        state = _state_folder(_place(typed))
    except (OSError, ValueError):
        return ()
    if state is None:
        return ()
    if kind == "agents":
        from huskies_core.config.agent_names import agent_names

        return agent_names(os.path.join(state, "agents.toml"))
    if kind in ("rescues", "rescue-times"):
        return _rescues(state, kind, _story(typed))
    from huskies_core.store.completions import completions

    wanted = f"{kind}/{_story(typed)}" if kind == "runs-of" else kind
    return completions(os.path.join(state, "state.db"), wanted, prefix)


def _everywhere(kind: str, typed: list[str]) -> "Iterable[tuple[str, str]]":
    """What is the same in every project, and where there is none."""
    if kind == "pages":
        from huskies_cli.pages import pages_after

        words = [word for word in typed if not word.startswith("-")]
        return pages_after(words[words.index("help") + 1 :]) if "help" in words else ()
    from huskies_core.zone_names import zone_names

    return ((name, "") for name in zone_names())


def _rescues(state: str, kind: str, story: str) -> "Iterable[tuple[str, str]]":
    """The stories that have any, each with its newest; or the times of those of one story."""
    from huskies_core.git.rescue_names import rescue_names

    found = rescue_names(os.path.join(os.path.dirname(state), ".git"))
    if kind == "rescue-times":
        return ((time, "") for number, time in found if number == story)
    newest = dict(reversed(found))
    return ((number, f"rescued {time}") for number, time in newest.items())


def _story(typed: list[str]) -> str:
    """The story that was typed before, be it as #12; "" where there is none yet."""
    words = (word.removeprefix("#") for word in typed)
    return next((word for word in words if word.isascii() and word.isdigit()), "")


def _place(typed: list[str]) -> str:
    """Where the project is looked for: bash hands over `--project=x` as three words."""
    place = os.environ.get("HUSKIES_PROJECT", "")
    for number, word in enumerate(typed):
        name, _, value = word.partition("=")
        if name == "--project":
            rest = [value, *typed[number + 1 :]]
            place = next((one for one in rest if one not in ("", "=")), place)
    return os.path.expanduser(place) or "."


def _state_folder(place: str) -> str | None:
    """`.huskies` of the project around `place`, from inside a linked worktree that of its main checkout."""
    folder = os.path.realpath(place)
    while True:
        git = os.path.join(folder, ".git")
        if os.path.exists(os.path.join(git, "HEAD")):
            return os.path.join(folder, ".huskies")
        if os.path.isfile(git):
            return os.path.join(_main_checkout(folder, git), ".huskies")
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return None


def _main_checkout(folder: str, pointer: str) -> str:
    """See gitrepository-layout(5). Raises OSError and ValueError."""
    git_dir = os.path.join(folder, _text(pointer).removeprefix("gitdir:").strip())
    common = os.path.join(git_dir, "commondir")
    if not os.path.isfile(common):
        return folder
    return os.path.dirname(os.path.realpath(os.path.join(git_dir, _text(common).strip())))


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _is_plain(value: str) -> bool:
    """Whether it is the same to every shell as it stands; what would have to be quoted is not offered."""
    return bool(value) and value[0] not in "-." and all(one.isalnum() or one in _PLAIN for one in value)


def _shown(text: str) -> str:
    """One line without anything that a terminal could take for more than a character."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if line.isascii():
        return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    return _shortened(line)


def _shortened(line: str) -> str:
    """By the columns of a terminal: what East Asia writes takes two each."""
    from unicodedata import east_asian_width

    columns = 0
    for at, one in enumerate(line):
        columns += 2 if east_asian_width(one) in "WF" else 1
        if columns > _LONGEST:
            return f"{line[: at - 1]}…"
    return line
