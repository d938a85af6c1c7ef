"""The commands as the program has them: names, what help says, options with what their values can be."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import get_args, get_origin

from typer.core import TyperArgument, TyperOption

from huskies_cli.app import EVERYWHERE, build_app, load
from huskies_cli.commands import COMMANDS, Entry
from huskies_core.config.edit import keys_in_force
from huskies_core.config.records import ProjectConfig
from huskies_core.operations.registry import tools
from huskies_core.pipeline.stages import StageName
from huskies_core.pipeline.state_machine import event_names
from huskies_core.store.stories import StoryType


class Kind(StrEnum):
    """What a value can be, as far as a shell can complete it: WORDS are known, OFFERS are asked of the program."""

    NOTHING = "nothing"
    WORDS = "words"
    OFFERS = "offers"
    FILE = "file"
    FOLDER = "folder"
    OTHER = "other"


_FAILED = "merge_failure,merge_failure_final"
_OFFERS = {
    "ID": "stories",
    "ID...": "stories",
    "[ID]": "stories",
    "[ID...]": "stories",
    "RUN": "runs",
    "R": "runs",
    "ZONE": "zones",
    "[COMMAND...]": "pages",
    "AGENT": "agents",
    "A": "agents",
    "L": "labels",
    "TIMER": "timers",
    "TRIGGER": "triggers",
}
"""What is asked for by a metavar, see huskies_core.store.completions."""
_NARROWER = {
    "start ID...": "stories/backlog",
    "approve ID...": "stories/qa,review_hold",
    "reject ID...": "stories/qa,review_hold",
    "unblock ID...": "stories/blocked",
    "unfreeze ID...": "stories/frozen",
    "retry ID...": f"stories/{_FAILED}",
    "resolve ID...": f"stories/{_FAILED}",
    "merged ID": f"stories/merge,{_FAILED}",
    "reopen ID...": "finished",
    "add --epic": "epics",
    "update --epic": "epics",
    "run kill RUN": "live-runs",
    "agent stop ID": "running",
    "logs --run": "runs-of",
    "rescue restore ID": "rescues",
    "rescue restore --time": "rescue-times",
    "timer add --label": "",
}
"""Where only some of them make sense, by command and metavar or option; "" where it is a new name."""
_KINDS = {"FILE": Kind.FILE, "PATH...": Kind.FILE, "PATH": Kind.FOLDER, "D": Kind.FOLDER, "DIR": Kind.FOLDER}


def _keys() -> tuple[str, ...]:
    return tuple(keys_in_force(ProjectConfig()))


def _tools() -> tuple[str, ...]:
    return tuple(tools())


def _events() -> tuple[str, ...]:
    return (*event_names(), "imported")


_WORDS: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "timer add --tool": _tools,
    "trigger add --tool": _tools,
    "trigger add --type": lambda: tuple(StoryType),
    "trigger add --event": _events,
    "trigger add --from": lambda: tuple(StageName),
    "trigger add --to": lambda: tuple(StageName),
}
"""What an option can be where its type does not tell: patterns among them, which are mostly such a word."""
_FIRST: Mapping[str, Callable[[], tuple[str, ...]]] = {
    "config get KEY": _keys,
    "config set KEY": _keys,
    "tool call NAME": _tools,
}
"""What the first argument can be where others come after it."""


@dataclass(frozen=True)
class Value:
    """`words` is all that it can be, when that is known; `offers` what `huskies __complete` is asked for. `first` is
    what only the first argument of a command can be."""

    kind: Kind
    words: tuple[str, ...] = ()
    offers: str = ""
    first: bool = False


NOTHING = Value(Kind.NOTHING)


@dataclass(frozen=True)
class Option:
    """`names` are the long ones, then the short ones; `metavar` is what help calls the value that it `takes`."""

    names: tuple[str, ...]
    metavar: str
    takes: Value
    help: str
    default: str = ""

    @property
    def takes_value(self) -> bool:
        return self.takes.kind is not Kind.NOTHING


@dataclass(frozen=True)
class Command:
    """`path` is what is typed after `huskies`; a group has `children` and no `arguments`."""

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
    """The whole table, hidden ones too."""
    return tuple(_command((), entry) for entry in COMMANDS)


def read_program_options() -> tuple[Option, ...]:
    """What can be given before a command."""
    params = [param for param in build_app().params if isinstance(param, TyperOption)]
    return (*(_option(param, "") for param in params), HELP)


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
        return Command(path, entry.help, entry.hidden, (), NOTHING, children)
    params, name = load(entry).params, " ".join(path)
    own = (item for item in params if isinstance(item, TyperOption) and item.rich_help_panel != EVERYWHERE)
    values = (_value(item, f"{name} {item.metavar}") for item in params if isinstance(item, TyperArgument))
    arguments = next((value for value in values if value.kind is not Kind.OTHER), Value(Kind.OTHER))
    return Command(path, entry.help, entry.hidden, tuple(_option(item, name) for item in own), arguments)


def _option(param: TyperOption, command: str) -> Option:
    names = tuple(sorted(param.opts, key=lambda name: not name.startswith("--")))
    metavar = param.metavar or ""
    takes = _value(param, f"{command} {names[0]}") if metavar or _words(param) else NOTHING
    default = str(param.default) if param.show_default and metavar else ""
    return Option(names, metavar, takes, inspect.cleandoc(param.help or ""), default)


def _value(param: TyperOption | TyperArgument, place: str) -> Value:
    """`place` is the command, and the option or the metavar."""
    metavar = param.metavar or ""
    offers = _NARROWER.get(place, _OFFERS.get(metavar, ""))
    if place in _FIRST:
        return Value(Kind.WORDS, _FIRST[place](), first=True)
    words = _words(param) or _WORDS.get(place, tuple)()
    if words:
        return Value(Kind.WORDS, words)
    return Value(Kind.OFFERS, offers=offers) if offers else Value(_KINDS.get(metavar, Kind.OTHER))


def _words(param: TyperOption | TyperArgument) -> tuple[str, ...]:
    annotation: object = param.type_descriptor.annotation
    inner = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    if not (inspect.isclass(inner) and issubclass(inner, Enum)):
        return ()
    return tuple(str(member.value) for member in inner)
