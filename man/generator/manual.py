"""The generated parts of man pages: OPTIONS, the list of commands, and links between names."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from command_tree import Command, Option

_PART = re.compile(r'^\.\\" begin (?P<name>.+)\n(?:.*\n)*?\.\\" end\n', re.MULTILINE)
_SHARED = "shared options of "
_WIDTH = 76
_NAMES = re.compile(r"^\.Sh NAME\n((?:\.Nm .*\n)+)", re.MULTILINE)


def filled(page: str, parts: Mapping[str, str]) -> str:
    """Return the page with the text between each `begin NAME` and `end` replaced.

    Raise KeyError for a name that `parts` lacks, and ValueError if commands with shared options differ in them.
    """

    def part(match: re.Match[str]) -> str:
        return f'.\\" begin {match["name"]}\n{_part_of(match["name"], parts)}.\\" end\n'

    return _PART.sub(part, page)


def _part_of(name: str, parts: Mapping[str, str]) -> str:
    """Return the part of that name; for `shared options of A, B` the list of options that they share."""
    if not name.startswith(_SHARED):
        return parts[name]
    names = name.removeprefix(_SHARED).split(", ")
    (shared,) = {parts[f"options of {name}"].partition("\n")[2] for name in names}
    return shared


def parts_of(commands: Sequence[Command], program: Sequence[Option]) -> dict[str, str]:
    """Return the parts of pages: `commands`, `options`, and `options of NAME` for each command or group."""
    own = {f"options of {command.name}": _options_of(command) for command in commands}
    return own | {"commands": _list_of(commands), "options": _listed(program)}


def links_of(pages: Mapping[str, str]) -> dict[str, str]:
    """Return the page that each link points to. There is a link for each further name of a page."""
    return {
        f"{name}{Path(file).suffix}": file
        for file, page in pages.items()
        for name in names_in(page)
        if name != Path(file).stem
    }


def names_in(page: str) -> list[str]:
    """Return the names in the NAME section."""
    match = _NAMES.search(page)
    lines = match[1].splitlines() if match else []
    return [line.removeprefix(".Nm ").removesuffix(" ,") for line in lines]


def _options_of(command: Command) -> str:
    """Return the options of a command, or of each command of a group, under headings."""
    commands = [item for item in command.children or (command,) if item.options]
    return "".join(f".Ss huskies {item.name}\n{_listed(item.options)}" for item in commands)


def _listed(options: Sequence[Option]) -> str:
    return "".join((".Bl -tag -width Ds\n", *map(_item, options), ".El\n"))


def _item(option: Option) -> str:
    heads = " , ".join(f"Fl {name.removeprefix('-')}" for name in reversed(option.names))
    value = f" Ar {option.metavar}" if option.takes_value else ""
    return "\n".join((f".It {heads}{value}", *_description(option), ""))


def _description(option: Option) -> Iterator[str]:
    yield from _sentences(option.help)
    words = option.takes.words
    if words and not all(word in option.help for word in words):
        yield from _sentences(f"One of {', '.join(words)}.")
    if option.default:
        yield f"Default: {option.default}."


def _sentences(text: str) -> Iterator[str]:
    """Yield each sentence on its own line. Long lines are wrapped."""
    for sentence in re.sub(r"(?<=[.;]) (?=[A-Z])", "\n", text).splitlines():
        yield from map(_escaped, textwrap.wrap(sentence, _WIDTH, break_on_hyphens=False))


def _escaped(line: str) -> str:
    safe = line.replace("\\", "\\e").replace("--", "\\-\\-")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


def _list_of(commands: Sequence[Command]) -> str:
    shown = (command for command in commands if not command.hidden)
    rows = (f".It Cm {command.name}\n{_escaped(command.help)}\n" for command in shown)
    return "".join((".Bl -tag -width merge-recovery\n", *rows, ".El\n"))
