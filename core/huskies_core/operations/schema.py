"""Arguments in JSON: the schema of an operation's arguments, and their values read from a JSON object."""

import json
import math
import sys
from collections.abc import Mapping
from typing import Any, NoReturn, get_origin

from huskies_core.argument import LARGEST
from huskies_core.errors import UsageError
from huskies_core.humanize import did_you_mean
from huskies_core.operations.operation import Operation, Parameter, bare_type
from huskies_core.sanitize import is_text

_KINDS: Mapping[Any, tuple[str, str, Any]] = {
    str: ("string", "a text", (str,)),
    bool: ("boolean", "true or false", (bool,)),
    int: ("integer", "a whole number", (int,)),
    float: ("number", "a number", (int, float)),
    Mapping: ("object", "a JSON object", (Mapping,)),
}
"""For each type of an argument: the type in a schema, its name in messages, and the types of Python's values."""


def read_arguments(operation: Operation[Any, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by variable. Raise UsageError, with the argument in `subject`, for a wrong name or type."""
    parameters = {item.name: item for item in operation.parameters}
    for name in arguments:
        if name not in parameters:
            hint = did_you_mean(name, parameters, f"It takes: {', '.join(parameters) or 'nothing'}.")
            raise UsageError(f"{operation.tool} takes no {name}", hint=hint, subject=name)
    for item in parameters.values():
        if item.is_required and item.name not in arguments:
            raise _refusal(item, f"{operation.tool} needs {item.name}")
    return {parameters[name].variable: _read(parameters[name], value) for name, value in arguments.items()}


def schema_of(operation: Operation[Any, Any]) -> dict[str, Any]:
    """Return the JSON schema of the object that `read_arguments` takes."""
    return {
        "type": "object",
        "properties": {item.name: _property(item) for item in operation.parameters},
        "required": [item.name for item in operation.parameters if item.is_required],
        "additionalProperties": False,
    }


def read_object(text: str, *, subject: str) -> dict[str, Any]:
    """Return the JSON object in `text`. Raise UsageError with `subject` if `text` is not a JSON object."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_int=_parse_whole_number)
    except (ValueError, RecursionError) as error:
        problem = "they are nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"the arguments are not JSON: {problem}", subject=subject) from error
    if not isinstance(value, dict):
        hint = 'Such as: {"id": 12}'
        raise UsageError("the arguments are not a JSON object", hint=hint, subject=subject)
    return value


def _parse_whole_number(digits: str) -> int:
    if len(digits) > sys.get_int_max_str_digits():
        raise ValueError(f"{digits[:20]}… has too many digits")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _property(item: Parameter) -> dict[str, Any]:
    kind = item.value_type
    schema: dict[str, Any]
    if item.words:
        schema = {"type": "string", "enum": list(item.words)}
    else:
        least = {"minimum": item.about.least} if item.about.least is not None and kind is int else {}
        schema = {"type": _KINDS[get_origin(kind) or kind][0], **least}
    if item.is_repeated:
        schema = {"type": "array", "items": schema}
    default = {} if item.is_required or item.default in (None, ()) else {"default": item.default}
    return {**schema, "description": item.about.help, **default}


def _read(item: Parameter, value: Any) -> object:
    if value is None and bare_type(item.type) is not item.type:
        return None
    if not item.is_repeated:
        return _read_value(item, value, item.name)
    if not isinstance(value, list | tuple):
        raise _not_as(item, value, item.name, "a list")
    return tuple(
        _read_value(item, member, f"{item.name} (item {number})")
        for number, member in enumerate(value, start=1)
    )


def _read_value(item: Parameter, value: Any, name: str) -> object:
    """Return a value of the parameter's type: a text, boolean, number, mapping or member of a StrEnum."""
    kind = item.value_type
    if item.words:
        if value not in item.words:
            hint = did_you_mean(value, item.words) if isinstance(value, str) else ""
            raise _not_as(item, value, name, f"one of {', '.join(item.words)}", hint)
        return kind(value)
    _, required, types = _KINDS[get_origin(kind) or kind]
    if not isinstance(value, types) or (isinstance(value, bool) and kind is not bool):
        raise _not_as(item, value, name, required)
    if kind is str and not is_text(value):
        raise _refusal(item, f"{name} is not text in UTF-8")
    if kind is int:
        _check_bounds(item, value, name)
    if kind is float and not math.isfinite(value):
        raise _not_as(item, value, name, required)
    return float(value) if kind is float else value


def _check_bounds(item: Parameter, value: int, name: str) -> None:
    if item.about.least is not None and value < item.about.least:
        raise _not_as(item, value, name, f"{item.about.least} or more")
    if abs(value) > LARGEST:
        raise _refusal(item, f"{name} is too large a number")


def _not_as(item: Parameter, value: Any, name: str, required: str, hint: str = "") -> UsageError:
    """Return the error for a value that is not as required. It shows the beginning of the value as JSON."""
    text = json.dumps(value)
    shown = text if len(text) <= 40 else f"{text[:39]}…"
    return _refusal(item, f"{name} must be {required}, not {shown}", hint)


def _refusal(item: Parameter, fact: str, hint: str = "") -> UsageError:
    return UsageError(fact, hint=hint or f"{item.name}: {item.about.help}", subject=item.name)
