"""Options and arguments as Typer parses them.

Words are read by parsers of this module: Typer's use pydantic, which takes as long to import as a command.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import partial
from types import GenericAlias
from typing import TYPE_CHECKING, Any, get_origin

import typer
from typer._coercion import TypeDescriptor
from typer.core import TyperArgument, TyperOption

from huskies_cli.session import session_of
from huskies_cli.streams import ReaderClosed, shows_colours, write_line
from huskies_core.humanize import did_you_mean
from huskies_core.operations.operation import Parameter

if TYPE_CHECKING:
    from typer._click.core import Context
    from typer._click.core import Parameter as AnyParameter

EVERYWHERE = "Everywhere"


class UnknownWord(ValueError):
    """A word that is not one of those allowed; `hint` names the most similar one, or is empty."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class WordReader:
    """The replacement of Typer's pydantic adapter. `parse` describes what is invalid; Typer names the option."""

    def __init__(self, parse: Callable[[str], object]) -> None:
        self._parse = parse

    def coerce(self, value: Any, param: TyperArgument | TyperOption, ctx: Any) -> Any:
        """Return the value of a word, or of each word of a list; a default is no word and stays."""
        if isinstance(value, list | tuple):
            return [self.coerce(item, param, ctx) for item in value]
        try:
            return self._parse(value) if isinstance(value, str) else value
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error


class Option(TyperOption):
    """An option with a value of type `kind`; one of type bool is a flag."""

    def __init__(
        self, *names: str, kind: Any = bool, reader: WordReader | None = None, **settings: Any
    ) -> None:
        is_flag = kind is bool
        metavar = settings.pop("metavar", "" if is_flag else None)
        described = TypeDescriptor(kind, typer.Option(), None)
        super().__init__(
            param_decls=[*names], type_descriptor=described, is_flag=is_flag, metavar=metavar, **settings
        )
        self._reader = reader or WordReader(str)

    def get_runtime_param(self) -> Any:
        return self._reader


class PositionalArgument(TyperArgument):
    """An argument with a value of type `kind`."""

    def __init__(self, name: str, *, kind: Any, reader: WordReader, **settings: Any) -> None:
        described = TypeDescriptor(kind, typer.Argument(), None)
        super().__init__(param_decls=[name], type_descriptor=described, show_default=False, **settings)
        self._reader = reader

    def get_runtime_param(self) -> Any:
        return self._reader


def build_option(item: Parameter) -> Option | PositionalArgument:
    """Return the option or the argument of a command for a parameter of its definition."""
    about, default = item.about, item.command_default
    kind: Any = bool if item.is_flag else str if get_origin(item.value_type) is Mapping else item.value_type
    settings: dict[str, Any] = {
        "kind": GenericAlias(list, (kind,)) if item.takes_several else kind,
        "reader": WordReader(about.parse or _parser_of(kind, about.words)),
        "required": item.is_required,
        "default": None if item.takes_several or about.is_file else default,
        "help": item.help,
    }
    if about.metavar:
        settings["metavar"] = about.metavar
    if about.positional:
        return PositionalArgument(item.variable, nargs=-1 if item.takes_several else None, **settings)
    if item.is_flag and item.flag_words:
        settings["default"] = item.flag_words[0] == default
    shows = default is not False and default not in (None, "", ())
    return Option(item.variable, *item.flags, multiple=item.takes_several, show_default=shows, **settings)


def common_options() -> list[TyperOption]:
    """Return the options of every command. They set the fields of the session that have their names."""
    common: dict[str, Any] = {"callback": _note, "expose_value": False, "is_eager": True}
    common["rich_help_panel"] = EVERYWHERE
    help_settings = {**common, "callback": _show_help, "rich_help_panel": None}
    return [
        Option("--help", "-h", help="Show this message and exit.", **help_settings),
        Option("--project", kind=str, metavar="PATH", help="The project root; by default searched upwards.", **common),
        Option("--json", help="Print one JSON document on stdout.", **common),
        Option("--quiet", help="Suppress messages on stderr.", **common),
    ]  # fmt: skip


def version_option() -> TyperOption:
    """Return the option of the program itself."""
    return Option(
        "--version", help="Show the version.", callback=_print_version, expose_value=False, is_eager=True
    )


def print_help(context: "Context") -> None:
    """Print the help of a command. Raise ReaderClosed if stdout has no reader any more."""
    from typer import rich_utils

    colours = shows_colours(sys.stdout)
    rich_utils.FORCE_TERMINAL, rich_utils.COLOR_SYSTEM = colours, "auto" if colours else None
    try:
        text = context.get_help()
    except SystemExit as error:  # rich redirects stdout to nothing when the reader is gone, and exits
        raise ReaderClosed from error
    write_line(sys.stdout, text)


def _show_help(ctx: "Context", _: "AnyParameter", value: bool) -> None:
    """Print help and exit, before other options are checked."""
    if value and not ctx.resilient_parsing:
        print_help(ctx)
        raise typer.Exit


def _print_version(_: "Context", __: "AnyParameter", value: bool) -> None:
    if value:
        from importlib.metadata import version

        write_line(sys.stdout, f"huskies {version('huskies')}")
        raise typer.Exit


def _note(ctx: "Context", param: "AnyParameter", value: object) -> None:
    """Set the field of the session. An option that is absent after the command keeps its value from before it."""
    if value:
        setattr(session_of(ctx), param.name, value)


def _parser_of(kind: Any, words: tuple[str, ...]) -> Callable[[str], object]:
    if words:
        return partial(_parse_word, words)
    return _PARSERS.get(kind) or partial(_parse_member, kind)


def _parse_word(words: Iterable[str], text: str) -> str:
    """Return `text`. Raise UnknownWord if it is not one of `words`."""
    if text not in words:
        raise UnknownWord(f"{text!r} is not one of {', '.join(words)}", did_you_mean(text, words))
    return text


def _parse_member(kind: type[Enum], text: str) -> Enum:
    members = {str(member.value): member for member in kind}
    return members[_parse_word(members, text)]


def _parse_whole_number(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{text!r} is not a whole number")
    if len(digits) > sys.get_int_max_str_digits():
        raise ValueError(f"{text[:20]}… has too many digits")
    return int(text)


_PARSERS: Mapping[type, Callable[[str], object]] = {str: str, bool: str, int: _parse_whole_number}
