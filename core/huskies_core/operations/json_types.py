"""What a field of an argument record may hold: how it is read from a JSON value, and its JSON schema."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin

from huskies_core.suggest import nearest

LARGEST = 2**63 - 1
"""The largest number that the store can hold."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class Wrong(Exception):
    """A value that is not of its kind; the message goes on from the name of the field."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Kind:
    """`read` takes a JSON value to what the record holds, or raises Wrong."""

    schema: Mapping[str, Any]
    read: Callable[[Any], object]


def kind_of(annotation: Any, least: int | None = None) -> Kind:
    """Of `str`, `bool`, `int`, `float`, a StrEnum, a mapping, a tuple of one of those, each or None."""
    if isinstance(annotation, UnionType):
        return _optional(kind_of(next(one for one in get_args(annotation) if one is not type(None)), least))
    origin = get_origin(annotation)
    if origin is tuple:
        return _several(kind_of(get_args(annotation)[0], least))
    if origin is Mapping:
        return Kind({"type": "object"}, _read_object)
    if annotation is int:
        return _whole_number(least)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return _one_of(annotation)
    return _PLAIN[annotation]


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(f"must be a text, not {_shown(value)}")
    if _NO_TEXT.search(value):
        raise Wrong("is not text in UTF-8")
    return value


def _read_switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"must be true or false, not {_shown(value)}")
    return value


def _read_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Wrong(f"must be a number, not {_shown(value)}")
    return float(value)


def _read_object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Wrong(f"must be a JSON object, not {_shown(value)}")
    return value


_PLAIN: Mapping[Any, Kind] = {
    str: Kind({"type": "string"}, _read_text),
    bool: Kind({"type": "boolean"}, _read_switch),
    float: Kind({"type": "number"}, _read_number),
}


def _whole_number(least: int | None) -> Kind:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Wrong(f"must be a whole number, not {_shown(value)}")
        if least is not None and value < least:
            raise Wrong(f"must be {least} or more, not {_shown(value)}")
        if abs(value) > LARGEST:
            raise Wrong("is too large a number")
        return value

    return Kind({"type": "integer"} if least is None else {"type": "integer", "minimum": least}, read)


def _one_of(members: type[StrEnum]) -> Kind:
    names = [member.value for member in members]

    def read(value: Any) -> StrEnum:
        if not isinstance(value, str) or value not in names:
            raise Wrong(f"must be one of {', '.join(names)}, not {_shown(value)}", _meant(value, names))
        return members(value)

    return Kind({"type": "string", "enum": names}, read)


def _several(each: Kind) -> Kind:
    def read(value: Any) -> tuple[object, ...]:
        if not isinstance(value, list | tuple):
            raise Wrong(f"must be a list, not {_shown(value)}")
        return tuple(_item(each, number, item) for number, item in enumerate(value, start=1))

    return Kind({"type": "array", "items": each.schema}, read)


def _item(each: Kind, number: int, value: Any) -> object:
    try:
        return each.read(value)
    except Wrong as wrong:
        raise Wrong(f"(item {number}) {wrong.message}", wrong.hint) from wrong


def _optional(kind: Kind) -> Kind:
    return Kind(kind.schema, lambda value: None if value is None else kind.read(value))


def _meant(value: Any, names: Iterable[str]) -> str:
    meant = nearest(value, names) if isinstance(value, str) else None
    return f"Did you mean {meant}?" if meant else ""


def _shown(value: Any) -> str:
    """The beginning of a value as JSON."""
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
