"""Parse the JSON value of a record into its dataclass, with the standard library only."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import cache
from math import isfinite
from types import UnionType
from typing import Any, NewType, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")
_NUMBERS: Mapping[Any, tuple[type, ...]] = {int: (int,), float: (int, float)}
_MOST = 2**63


def parse_record(kind: type[Record], document: object) -> Record:
    """Return the record of a JSON object. Ignore unknown keys, which another version of the program may write.

    Raise ValueError if a key is missing, or if a value has another type or is a number that the store cannot hold.
    """
    record: Record = _parse(kind, document)
    return record


def _parse(kind: Any, value: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else _parse(arguments[0], value)
    if origin is tuple:
        return tuple(_parse(arguments[0], item) for item in _require(value, list))
    if origin is Mapping:
        return {key: _parse(arguments[1], item) for key, item in _require(value, dict).items()}
    if is_dataclass(kind):
        return _parse_fields(kind, _require(value, dict))
    kind = kind.__supertype__ if isinstance(kind, NewType) else kind
    if kind in _NUMBERS:
        return _parse_number(kind, value)
    return _require(value, kind) if kind in (bool, str) else kind(value)


def _parse_fields(kind: Any, document: Mapping[str, Any]) -> Any:
    missing = _types_of(kind).keys() - document.keys()
    if missing:
        raise ValueError(f"{kind.__name__} lacks {', '.join(sorted(missing))}")
    return kind(**{name: _parse(field, document[name]) for name, field in _types_of(kind).items()})


def _parse_number(kind: Any, value: Any) -> Any:
    number = _require(value, *_NUMBERS[kind])
    if not (isfinite(number) if type(number) is float else -_MOST <= number < _MOST):
        raise ValueError(f"{number!r:.40} is out of range")
    return kind(number)


def _require(value: Any, *kinds: type) -> Any:
    """Return the value. Raise ValueError if it has none of the types: a bool is no int here."""
    if type(value) not in kinds:
        raise ValueError(f"{value!r:.80} is not of type {kinds[-1].__name__}")
    return value


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
