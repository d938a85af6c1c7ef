"""Parsers of words. Typer uses pydantic, which takes as long to import as a command; these replace it."""

import inspect
from collections.abc import Callable, Iterable
from enum import Enum
from functools import partial
from typing import Any, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperOption

from huskies_core.suggest import did_you_mean

Parse = Callable[[str], object]


class UnknownWord(ValueError):
    """A word that is not one of those allowed; `hint` names the most similar one, or is empty."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class PlainValue:
    """The replacement of Typer's pydantic adapter. It describes what is invalid; Typer names the option."""

    def __init__(self, parse: Parse) -> None:
        self.parse = parse

    def coerce(self, value: Any, param: TyperArgument | TyperOption, ctx: Any) -> Any:
        is_list = param.nargs == -1 or bool(getattr(param, "multiple", False))
        if value is None:
            return () if is_list else None
        if is_list:
            return [self._parsed(item, param, ctx) for item in value]
        return self._parsed(value, param, ctx)

    def _parsed(self, value: Any, param: TyperArgument | TyperOption, ctx: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error


def use_plain_values(param: object) -> None:
    """Replace the adapter of a parameter; leave those of other types to Typer."""
    if not isinstance(param, TyperArgument | TyperOption):
        return
    annotation: object = param.type_descriptor.annotation
    if get_origin(annotation) is list:
        (annotation,) = get_args(annotation)
    parse = param.type_descriptor.parameter_info.parser or _parser_of(annotation)
    if parse is not None:
        vars(param)["_runtime_param"] = PlainValue(parse)


def parse_word(words: Iterable[str], text: str) -> str:
    """Return `text`. Raise UnknownWord if it is not one of `words`."""
    if text not in words:
        raise UnknownWord(f"{text!r} is not one of {', '.join(words)}", did_you_mean(text, words))
    return text


def _parser_of(kind: object) -> Parse | None:
    if kind in (str, bool):
        return str  # the value of a flag is not a text and passes unchanged
    if kind is int:
        return _parse_whole_number
    if kind is float:
        return _parse_number
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return partial(_parse_member, kind)
    return None


def _parse_whole_number(text: str) -> int:
    if not (text.isascii() and text.lstrip("+-").isdigit()):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a number") from error


def _parse_member(kind: type[Enum], text: str) -> Enum:
    members = {str(member.value): member for member in kind}
    return members[parse_word(members, text)]
