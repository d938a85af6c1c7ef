"""The commands of the program: names, help, and options with their possible values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from importlib import import_module

from index import read_entries
from msgspec import Struct
from typer.core import TyperOption

from huskies_cli.app import build_app
from huskies_cli.command_builder import Definition
from huskies_cli.entry import Entry
from huskies_core.config.edit import keys_in_force
from huskies_core.config.records import ProjectConfig
from huskies_core.operations.operation import Parameter
from huskies_core.operations.registry import tools
from huskies_core.pipeline.stages import StageName
from huskies_core.pipeline.state_machine import event_names
from huskies_core.store.stories import StoryType


class Kind(StrEnum):
    """How a shell completes a value: WORDS are known, OFFERS come from the program."""

    NOTHING = "nothing"
    WORDS = "words"
    OFFERS = "offers"
    FILE = "file"
    FOLDER = "folder"
    OTHER = "other"


_WORDS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "tools": lambda: tuple(tools()),
    "keys": lambda: tuple(keys_in_force(ProjectConfig())),
    "types": lambda: tuple(StoryType),
    "events": lambda: (*event_names(), "imported"),
    "stages": lambda: tuple(StageName),
}
"""The completions that are lists of words."""


class Value(Struct, frozen=True):
    """The possible values: `words` if they are known, else `offers`, the kind to ask `huskies __complete` for.

    `first` is set if only the first argument of a command can have these values.
    """

    kind: Kind
    words: tuple[str, ...] = ()
    offers: str = ""
    first: bool = False


NOTHING = Value(Kind.NOTHING)


class Option(Struct, frozen=True):
    """An option; `names` has the long ones first, `metavar` is the name of its value in help."""

    names: tuple[str, ...]
    metavar: str
    takes: Value
    help: str
    default: str = ""

    @property
    def takes_value(self) -> bool:
        return self.takes.kind is not Kind.NOTHING


class Command(Struct, frozen=True):
    """A command; `path` has the words after `huskies`. A group has `children` and no `arguments`."""

    path: tuple[str, ...]
    help: str
    hidden: bool
    options: tuple[Option, ...]
    arguments: Value
    children: tuple["Command", ...] = ()

    @property
    def name(self) -> str:
        return " ".join(self.path)


HELP = Option(("--help", "-h"), "", NOTHING, "Show help and exit.")


def read_commands() -> tuple[Command, ...]:
    """Return the commands in the order of help, hidden ones too."""
    return tuple(_command((), entry) for entry in read_entries())


def read_program_options() -> tuple[Option, ...]:
    """Return the options that can be given before a command."""
    options = [
        Option(
            tuple(param.opts),
            param.metavar or "",
            Value(Kind.FOLDER) if param.metavar else NOTHING,
            param.help or "",
        )
        for param in build_app().params
        if isinstance(param, TyperOption) and "--help" not in param.opts
    ]
    return (*options, HELP)


def read_common_options() -> tuple[Option, ...]:
    """Return the options of every command."""
    return tuple(option for option in read_program_options() if "--version" not in option.names)


def every(commands: Sequence[Command]) -> Iterator[Command]:
    """Yield the commands that can be run: those of a group in its place."""
    for command in commands:
        yield from every(command.children) if command.children else (command,)


def _command(above: tuple[str, ...], entry: Entry) -> Command:
    path = (*above, entry.name)
    if entry.children:
        children = tuple(_command(path, child) for child in entry.children)
        return Command(path, entry.help, entry.hidden, (), NOTHING, children)
    definition: Definition = getattr(import_module(entry.module), entry.name_there)
    parameters = definition.parameters
    values = (_value(item) for item in parameters if item.about.positional)
    arguments = next((value for value in values if value.kind is not Kind.OTHER), Value(Kind.OTHER))
    options = tuple(_option(item) for item in parameters if not item.about.positional)
    return Command(path, entry.help, entry.hidden, options, arguments)


def _option(item: Parameter) -> Option:
    about = item.about
    names = tuple(sorted(item.flags, key=lambda name: not name.startswith("--")))
    if item.is_flag:
        return Option(tuple(name.partition("/")[0] for name in names), "", NOTHING, about.help)
    default = item.command_default
    shown = "" if default in (None, "", ()) else str(default)
    return Option(names, about.metavar, _value(item), item.help, shown)


def _value(item: Parameter) -> Value:
    completion = item.about.completion
    words = item.words or _WORDS.get(completion, tuple)()
    if words:
        return Value(Kind.WORDS, words, first=item.about.positional and completion in _WORDS)
    if item.about.is_file or completion == "file":
        return Value(Kind.FILE)
    if completion == "folder":
        return Value(Kind.FOLDER)
    return Value(Kind.OFFERS, offers=completion) if completion else Value(Kind.OTHER)
