"""What of a man page follows from the table of commands: OPTIONS, the list of commands, links between names."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from command_tree import Command, Option

_PART = re.compile(r'^\.\\" begin (?P<what>.+)\n(?:.*\n)*?\.\\" end\n', re.MULTILINE)
_SHARED = "shared options of "
_WIDTH = 76
_NAMES = re.compile(r"^\.Sh NAME\n((?:\.Nm .*\n)+)", re.MULTILINE)


def filled(page: str, parts: Mapping[str, str]) -> str:
    """The page with what stands between `begin NAME` and `end` replaced. Raises KeyError for a name not in `parts`, and
    ValueError where commands that are to share a list of options do not."""

    def part(found: re.Match[str]) -> str:
        return f'.\\" begin {found["what"]}\n{_part_of(found["what"], parts)}.\\" end\n'

    return _PART.sub(part, page)


def _part_of(what: str, parts: Mapping[str, str]) -> str:
    """The part of that name; for `shared options of A, B` the one list that all of them have, without a heading."""
    if not what.startswith(_SHARED):
        return parts[what]
    names = what.removeprefix(_SHARED).split(", ")
    (shared,) = {parts[f"options of {name}"].partition("\n")[2] for name in names}
    return shared


def parts_of(commands: Sequence[Command], program: Sequence[Option]) -> dict[str, str]:
    """Every part that a page can ask for: `commands`, `options`, and `options of NAME` for each top-level name."""
    own = {f"options of {command.name}": _options_of(command) for command in commands}
    return own | {"commands": _list_of(commands), "options": _listed(program)}


def links_of(pages: Mapping[str, str]) -> dict[str, str]:
    """Link to file, for each further name that a page has, so that man opens it by that name."""
    return {
        f"{name}{Path(file).suffix}": file
        for file, page in pages.items()
        for name in names_in(page)
        if name != Path(file).stem
    }


def names_in(page: str) -> list[str]:
    """The names that the page describes."""
    found = _NAMES.search(page)
    lines = found[1].splitlines() if found else []
    return [line.removeprefix(".Nm ").removesuffix(" ,") for line in lines]


def _options_of(command: Command) -> str:
    """The options of a command, or of each command of a group under its own heading."""
    if not command.children:
        return _headed(command)
    return "".join(map(_headed, command.children))


def _headed(command: Command) -> str:
    if not command.options:
        return ""
    return f".Ss huskies {command.name}\n{_listed(command.options)}"


def _listed(options: Sequence[Option]) -> str:
    return "".join((".Bl -tag -width Ds\n", *map(_item, options), ".El\n"))


def _item(option: Option) -> str:
    heads = " , ".join(f"Fl {name.removeprefix('-')}" for name in reversed(option.names))
    value = f" Ar {option.metavar}" if option.takes_value else ""
    return "\n".join((f".It {heads}{value}", *_told(option), ""))


def _told(option: Option) -> Iterator[str]:
    yield from _sentences(option.help)
    words = option.takes.words
    if words and not all(word in option.help for word in words):
        yield from _sentences(f"One of {', '.join(words)}.")
    if option.default:
        yield f"Default: {option.default}."


def _sentences(text: str) -> Iterator[str]:
    """Each on a line of its own, which is broken where it is longer than roff likes lines to be."""
    for sentence in re.sub(r"(?<=[.;]) (?=[A-Z])", "\n", text).splitlines():
        yield from map(_escaped, textwrap.wrap(sentence, _WIDTH, break_on_hyphens=False))


def _escaped(line: str) -> str:
    safe = line.replace("\\", "\\e").replace("--", "\\-\\-")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


def _list_of(commands: Sequence[Command]) -> str:
    shown = (command for command in commands if not command.hidden)
    rows = (f".It Cm {command.name}\n{_escaped(command.help)}\n" for command in shown)
    return "".join((".Bl -tag -width merge-recovery\n", *rows, ".El\n"))
