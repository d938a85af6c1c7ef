"""From words to values. Typer asks pydantic, which takes as long to import as a command: here are ours."""

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperOption

from huskies_core.suggest import nearest

Parse = Callable[[str], object]


class UnknownWord(ValueError):
    """Not one of the words there are; `meant` is the one that was probably meant, or None."""

    def __init__(self, message: str, meant: str | None) -> None:
        super().__init__(message)
        self.meant = meant


class PlainValue:
    """Stands where Typer keeps its pydantic adapter. It says what is wrong with a value, Typer where."""

    def __init__(self, parse: Parse) -> None:
        self.parse = parse

    def coerce(self, value: Any, param: TyperArgument | TyperOption, ctx: Any) -> Any:
        several = param.nargs == -1 or bool(getattr(param, "multiple", False))
        if value is None:
            return () if several else None
        if several:
            return [self._one(item, param, ctx) for item in value]
        return self._one(value, param, ctx)

    def _one(self, value: Any, param: TyperArgument | TyperOption, ctx: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error


def use_plain_values(param: object) -> None:
    """Gives a parameter of a plain kind its parser ahead of Typer; one of another kind is left to Typer."""
    if not isinstance(param, TyperArgument | TyperOption):
        return
    annotation: object = param.type_descriptor.annotation
    if get_origin(annotation) is list:
        (annotation,) = get_args(annotation)
    parse = param.type_descriptor.parameter_info.parser or _parser_of(annotation)
    if parse is not None:
        vars(param)["_runtime_param"] = PlainValue(parse)


def _parser_of(kind: object) -> Parse | None:
    if kind in (str, bool):
        return str  # the value of a flag is no text: it passes as it is
    if kind is int:
        return _whole_number
    if kind is float:
        return _number
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return lambda text: _member(kind, text)
    return None


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.lstrip("+-").isdigit()):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a number") from error


def _member(kind: type[Enum], text: str) -> Enum:
    members = {str(member.value): member for member in kind}
    if text not in members:
        raise UnknownWord(f"{text!r} is not one of {', '.join(members)}", nearest(text, members))
    return members[text]
