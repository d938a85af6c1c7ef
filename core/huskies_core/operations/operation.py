"""The definition of an operation: the command, the tool and the man page follow from it."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import cached_property
from types import ModuleType, NoneType
from typing import Annotated, Any, Concatenate, Generic, ParamSpec, TypeVar, get_args, get_origin

from msgspec import Struct

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.operations.authorization import refuse_inside_run

P = ParamSpec("P")
R = TypeVar("R")

STORIES = "Stories"
MOVES = "Moving stories"
RUNS = "Runs and worktrees"
PASSES = "Passes (for cron; each can be run again at any time)"
PROJECT = "Project"

_MOST_WORDS = 8
"""The most values that help lists."""

REQUIRED = inspect.Parameter.empty
PERSON: tuple[str, ...] = ()
"""No run may call the operation."""
ANY_RUN = ("coder", "qa", "mergemaster", "other")


class Parameter(Struct, frozen=True):
    """An argument of a command or an operation: `name` in JSON, `variable` of the function."""

    name: str
    variable: str
    type: Any
    about: Argument
    default: Any = REQUIRED

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    @property
    def value_type(self) -> Any:
        return value_type(self.type)

    @property
    def is_repeated(self) -> bool:
        """Return whether the parameter takes several values."""
        return get_origin(bare_type(self.type)) is tuple

    @property
    def takes_several(self) -> bool:
        """Return whether the command takes several values, which may be a call each."""
        return self.is_repeated or self.about.metavar.endswith("...")

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the names of the option, such as `--criterion` and `-c`."""
        return self.about.flags or (f"--{self.name.replace('_', '-')}",)

    @property
    def flag_words(self) -> tuple[str, ...]:
        """Return the values of a pair of flags, such as `once` and `persistent` of --once/--persistent."""
        return tuple(flag.strip("-") for flag in self.flags[0].split("/")) if "/" in self.flags[0] else ()

    @property
    def is_flag(self) -> bool:
        """Return whether the option takes no value: a switch, or a pair of flags."""
        return self.type is bool or bool(self.flag_words)

    @property
    def help(self) -> str:
        """Return the help of the option or the argument, with the valid values that it does not name."""
        notes, shown = [self.about.help], f"{self.about.help} {self.about.metavar}"
        if 0 < len(self.words) <= _MOST_WORDS and not all(word in shown for word in self.words):
            notes.append(f"One of {', '.join(self.words[:-1])} or {self.words[-1]}.")
        if self.about.is_file:
            notes.append("With -, it is read from stdin.")
        if self.takes_several and not self.about.positional:
            notes.append("Repeatable.")
        return " ".join(notes)

    @property
    def command_default(self) -> Any:
        """Return the default of the command line; None for a required parameter."""
        return None if self.is_required else self.about.default if self.default is None else self.default

    @property
    def words(self) -> tuple[str, ...]:
        """Return the valid values; an empty tuple if every value is valid."""
        if isinstance(self.value_type, type) and issubclass(self.value_type, Enum):
            return tuple(str(member.value) for member in self.value_type)
        return self.about.words


class Command(Struct, frozen=True):
    """A command. `name` has the words after `huskies`; `panel` is the section of help, for a command without a group.

    `note` is a paragraph of its help that callers with JSON do not need. If `each` is set, the command takes several
    ids and makes a call for each; `each` is the key of the list of results. With `takes_dashes`, a word that begins
    with a dash and is no option is a value, such as -1.
    """

    name: str
    panel: str = ""
    note: str = ""
    each: str = ""
    is_hidden: bool = False
    takes_dashes: bool = False


class Operation(Struct, Generic[P, R], frozen=True, dict=True):
    """An operation on a project. `json` encodes its result.

    `tool` is its name for callers with JSON (`huskies tool`, MCP, timers, triggers); if it is empty, the operation is
    only a command. `writes`: it changes the project. `long`: it may create or remove a worktree, which can take many
    seconds. `runs` are the kinds of run that may call it. A call refuses every run if `runs` is empty; otherwise the
    function refuses the runs of other kinds and of other stories. `check` takes the arguments that are given and raises
    HuskiesError for values that are invalid in every project.
    """

    function: Callable[Concatenate[Context, P], R]
    tool: str
    command: Command | None
    json: Callable[[Any], Mapping[str, Any]]
    long: bool
    runs: tuple[str, ...]
    check: Callable[..., object] | None
    arguments: tuple[Parameter, ...]
    writes: bool

    def __call__(self, context: Context, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function. Raise HuskiesError `inside_a_run` if a run makes a call that is for people only."""
        if not self.runs:
            refuse_inside_run(context)
        return self.function(context, *args, **kwargs)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return (*self.arguments, *parameters_of(self.function))

    @property
    def help(self) -> str:
        return inspect.getdoc(self.function) or ""

    @property
    def description(self) -> str:
        """Return the help as one paragraph."""
        return " ".join(self.help.split())

    def check_values(self, values: Mapping[str, Any], find: "FindOperation") -> None:
        """Raise HuskiesError for values, by variable, that are invalid in every project."""
        if self.check is not None:
            self.check(**values, **self._finds(find))

    def run(self, context: Context, values: Mapping[str, Any], find: "FindOperation") -> R:
        """Call the operation with `values`, by variable."""
        act: Callable[..., R] = self
        return act(context, **values, **self._finds(find))

    def _finds(self, find: "FindOperation") -> dict[str, "FindOperation"]:
        """Return `find` as an argument, if the operation names other operations."""
        return {"find": find} if "find" in inspect.signature(self.function).parameters else {}


FindOperation = Callable[[str], Operation[Any, Any]]
"""A function that returns the operation with that tool name."""


def operation(
    tool: str = "",
    command: Command | None = None,
    *,
    json: Callable[[Any], Mapping[str, Any]],
    writes: bool = False,
    long: bool = False,
    runs: tuple[str, ...] | None = None,
    check: Callable[..., object] | None = None,
    arguments: tuple[Parameter, ...] = (),
) -> Callable[[Callable[Concatenate[Context, P], R]], Operation[P, R]]:
    """Define an operation. Its docstring is its help; its arguments are `arguments`, then its annotated parameters.

    Without `runs`, every run may call an operation that only reads; no run may call an operation that writes.
    """
    callers = runs if runs is not None else PERSON if writes else ANY_RUN

    def define(function: Callable[Concatenate[Context, P], R]) -> Operation[P, R]:
        return Operation(function, tool, command, json, long, callers, check, arguments, writes)

    return define


def parameters_of(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Return the parameters of `function` that an Argument annotates, in their order."""
    return tuple(
        described(name, item.annotation, item.default)
        for name, item in inspect.signature(function, eval_str=True).parameters.items()
        if get_origin(item.annotation) is Annotated
    )


def described(variable: str, annotation: Any, default: Any = REQUIRED) -> Parameter:
    """Return the parameter that `Annotated[type, Argument(...)]` describes."""
    kind, about = get_args(annotation)
    return Parameter(about.name or variable, variable, kind, about, default)


def value_type(annotation: Any) -> Any:
    """Return the type of a value, of which a tuple has several; `int` for a type of ids."""
    bare = bare_type(annotation)
    kind = get_args(bare)[0] if get_origin(bare) is tuple else bare
    return getattr(kind, "__supertype__", kind)


def bare_type(annotation: Any) -> Any:
    """Return the type without `| None`."""
    types = get_args(annotation)
    return next(item for item in types if item is not NoneType) if NoneType in types else annotation


def operations_in(module: ModuleType) -> Iterator[Operation[Any, Any]]:
    """Yield the operations that `module` defines."""
    for item in vars(module).values():
        if isinstance(item, Operation) and item.function.__module__ == module.__name__:
            yield item
