"""The commands as the program has them: names, what help says, options with what their values can be."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import get_args, get_origin

from typer.core import TyperOption

from huskies_cli.app import EVERYWHERE, build_app, load
from huskies_cli.commands import COMMANDS, Entry


class Kind(StrEnum):
    """What follows an option, as far as a shell can complete it."""

    NOTHING = "nothing"
    WORDS = "words"
    FILE = "file"
    FOLDER = "folder"
    OTHER = "other"


_KINDS = {"FILE": Kind.FILE, "PATH...": Kind.FILE, "PATH": Kind.FOLDER, "D": Kind.FOLDER, "DIR": Kind.FOLDER}


@dataclass(frozen=True)
class Option:
    """`names` are the long ones, then the short ones; `words` all that its value can be, when that is known."""

    names: tuple[str, ...]
    value: str
    kind: Kind
    words: tuple[str, ...]
    help: str
    default: str = ""

    @property
    def takes_value(self) -> bool:
        return self.kind is not Kind.NOTHING


@dataclass(frozen=True)
class Command:
    """`path` is what is typed after `huskies`; a group has `children` and no `arguments`."""

    path: tuple[str, ...]
    help: str
    hidden: bool
    options: tuple[Option, ...]
    arguments: Kind
    children: tuple["Command", ...] = ()

    @property
    def name(self) -> str:
        return " ".join(self.path)


HELP = Option(("--help", "-h"), "", Kind.NOTHING, (), "Show help and exit.")


def read_commands() -> tuple[Command, ...]:
    """The whole table, hidden ones too."""
    return tuple(_command((), entry) for entry in COMMANDS)


def read_program_options() -> tuple[Option, ...]:
    """What can be given before a command."""
    params = [param for param in build_app().params if isinstance(param, TyperOption)]
    return (*map(_option, params), HELP)


def read_common_options() -> tuple[Option, ...]:
    """What every command takes."""
    return tuple(option for option in read_program_options() if "--version" not in option.names)


def every(commands: Sequence[Command]) -> Iterator[Command]:
    """The commands that can be run: a group's children in its place."""
    for command in commands:
        yield from every(command.children) if command.children else (command,)


def _command(above: tuple[str, ...], entry: Entry) -> Command:
    path = (*above, entry.name)
    if entry.children:
        children = tuple(_command(path, child) for child in entry.children)
        return Command(path, entry.help, entry.hidden, (), Kind.NOTHING, children)
    params = load(entry).params
    own = (item for item in params if isinstance(item, TyperOption) and item.rich_help_panel != EVERYWHERE)
    metavars = {_KINDS.get(item.metavar or "") for item in params if not isinstance(item, TyperOption)}
    arguments = next((kind for kind in metavars if kind), Kind.OTHER)
    return Command(path, entry.help, entry.hidden, tuple(map(_option, own)), arguments)


def _option(param: TyperOption) -> Option:
    names = tuple(sorted(param.opts, key=lambda name: not name.startswith("--")))
    value, words = param.metavar or "", _words(param)
    kind = Kind.WORDS if words else _KINDS.get(value, Kind.OTHER) if value else Kind.NOTHING
    default = str(param.default) if param.show_default and value else ""
    return Option(names, value, kind, words, inspect.cleandoc(param.help or ""), default)


def _words(param: TyperOption) -> tuple[str, ...]:
    annotation: object = param.type_descriptor.annotation
    inner = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    if not (inspect.isclass(inner) and issubclass(inner, Enum)):
        return ()
    return tuple(str(member.value) for member in inner)
