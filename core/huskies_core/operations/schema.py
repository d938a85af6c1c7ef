"""Arguments in JSON: the schema of an operation's arguments, and their values read from a JSON object."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn, get_args, get_origin

from huskies_core.argument import LARGEST
from huskies_core.errors import UsageError
from huskies_core.operations.operation import Operation, Parameter, bare_type
from huskies_core.sanitize import is_text
from huskies_core.suggest import did_you_mean


class Invalid(Exception):
    """A value that does not fit; the message continues the name of the argument."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class JsonType:
    """`read` turns a JSON value into the operation's, or raises Invalid."""

    schema: Mapping[str, Any]
    read: Callable[[Any], object]


def read_arguments(operation: Operation[Any, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by variable. Raise HuskiesError with the argument in `subject`; nothing is called."""
    parameters = {item.name: item for item in operation.parameters}
    for name in given:
        if name not in parameters:
            raise _unknown(name, parameters, operation.tool)
    for item in parameters.values():
        if item.is_required and item.name not in given:
            hint = f"{item.name}: {item.about.help}"
            raise UsageError(f"{operation.tool} needs {item.name}", hint=hint, subject=item.name)
    values = {parameters[name].variable: _read(parameters[name], value) for name, value in given.items()}
    if operation.check is not None:
        operation.check(**values)
    return values


def schema_of(operation: Operation[Any, Any]) -> dict[str, Any]:
    """Return the JSON schema of the object that `read_arguments` takes."""
    return {
        "type": "object",
        "properties": {item.name: _property(item) for item in operation.parameters},
        "required": [item.name for item in operation.parameters if item.is_required],
        "additionalProperties": False,
    }


def read_object(text: str, *, subject: str) -> dict[str, Any]:
    """Return the JSON object in `text`. Raise UsageError that names `subject`."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        problem = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"the arguments are not JSON: {problem}", subject=subject) from error
    if not isinstance(value, dict):
        hint = 'Such as: {"id": 12}'
        raise UsageError("the arguments are not a JSON object", hint=hint, subject=subject)
    return value


def _read(item: Parameter, value: Any) -> object:
    try:
        return _type_of(item).read(value)
    except Invalid as error:
        hint = error.hint or f"{item.name}: {item.about.help}"
        raise UsageError(f"{item.name} {error.message}", hint=hint, subject=item.name) from error


def _unknown(name: str, known: Iterable[str], tool: str) -> UsageError:
    hint = did_you_mean(name, known, f"It takes: {', '.join(known) or 'nothing'}.")
    return UsageError(f"{tool} takes no {name}", hint=hint, subject=name)


def _property(item: Parameter) -> dict[str, Any]:
    described = {**_type_of(item).schema, "description": item.about.help}
    return (
        described
        if item.is_required or item.default in (None, ())
        else {**described, "default": item.default}
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _type_of(item: Parameter) -> JsonType:
    """Return the JSON type of `str`, `bool`, `int`, `float`, a StrEnum, a mapping, a tuple of one of those, each or
    None."""
    kind = bare_type(item.type)
    is_list = get_origin(kind) is tuple
    base = _several(_single(get_args(kind)[0], item)) if is_list else _single(kind, item)
    return base if kind is item.type else _optional(base)


def _single(kind: Any, item: Parameter) -> JsonType:
    if get_origin(kind) is Mapping:
        return JsonType({"type": "object"}, _read_mapping)
    if kind is int:
        return _whole_number(item.about.least)
    if item.about.words:
        return _one_of(item.about.words, str)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _one_of([member.value for member in kind], kind)
    return _PLAIN[kind]


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid(f"must be a text, not {_shown(value)}")
    if not is_text(value):
        raise Invalid("is not text in UTF-8")
    return value


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"must be true or false, not {_shown(value)}")
    return value


def _read_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Invalid(f"must be a number, not {_shown(value)}")
    return float(value)


def _read_mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid(f"must be a JSON object, not {_shown(value)}")
    return value


_PLAIN: Mapping[Any, JsonType] = {
    str: JsonType({"type": "string"}, _read_text),
    bool: JsonType({"type": "boolean"}, _read_bool),
    float: JsonType({"type": "number"}, _read_number),
}


def _whole_number(least: int | None) -> JsonType:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(f"must be a whole number, not {_shown(value)}")
        if least is not None and value < least:
            raise Invalid(f"must be {least} or more, not {_shown(value)}")
        if abs(value) > LARGEST:
            raise Invalid("is too large a number")
        return value

    return JsonType({"type": "integer"} if least is None else {"type": "integer", "minimum": least}, read)


def _one_of(words: Sequence[str], make: Callable[[str], object]) -> JsonType:
    def read(value: Any) -> object:
        if not isinstance(value, str) or value not in words:
            hint = did_you_mean(value, words) if isinstance(value, str) else ""
            raise Invalid(f"must be one of {', '.join(words)}, not {_shown(value)}", hint)
        return make(value)

    return JsonType({"type": "string", "enum": list(words)}, read)


def _several(each: JsonType) -> JsonType:
    def read(value: Any) -> tuple[object, ...]:
        if not isinstance(value, list | tuple):
            raise Invalid(f"must be a list, not {_shown(value)}")
        return tuple(_item(each, number, item) for number, item in enumerate(value, start=1))

    return JsonType({"type": "array", "items": each.schema}, read)


def _item(each: JsonType, number: int, value: Any) -> object:
    try:
        return each.read(value)
    except Invalid as error:
        raise Invalid(f"(item {number}) {error.message}", error.hint) from error


def _optional(base: JsonType) -> JsonType:
    return JsonType(base.schema, lambda value: None if value is None else base.read(value))


def _shown(value: Any) -> str:
    """Return the beginning of a value as JSON."""
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
