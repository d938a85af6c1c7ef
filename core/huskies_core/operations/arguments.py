"""Arguments of tools: frozen dataclasses, read from JSON values with refusals that name the field, told as a schema."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, NoReturn, TypeVar, get_type_hints

from huskies_core.errors import UsageError
from huskies_core.operations.json_types import Kind, Wrong, kind_of
from huskies_core.suggest import nearest

Record = TypeVar("Record")


@dataclass(frozen=True)
class Argument:
    """A field of an argument record: what a caller may give for it."""

    name: str
    kind: Kind
    help: str
    is_required: bool
    default: Any


def argument(help_text: str, *, default: Any = MISSING, least: int | None = None) -> Any:
    """A field of an argument record; without a `default` it has to be given. `least` bounds whole numbers."""
    metadata = {"help": help_text, "least": least}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def arguments_of(record: type) -> tuple[Argument, ...]:
    """In the order of the record."""
    hints = get_type_hints(record)
    return tuple(
        Argument(
            name=item.name,
            kind=kind_of(hints[item.name], item.metadata["least"]),
            help=item.metadata["help"],
            is_required=item.default is MISSING,
            default=None if item.default is MISSING else item.default,
        )
        for item in fields(record)
    )


def read_arguments(record: type[Record], given: Mapping[str, Any], *, whose: str) -> Record:
    """`given` as a record. Raises UsageError with the field in `subject`, and what the record itself raises."""
    known = {item.name: item for item in arguments_of(record)}
    for name in given:
        if name not in known:
            raise _unknown(name, known, whose)
    for item in known.values():
        if item.is_required and item.name not in given:
            hint = f"{item.name}: {item.help}"
            raise UsageError(f"{whose} needs {item.name}", hint=hint, subject=item.name)
    return record(**{name: _value(known[name], value) for name, value in given.items()})


def schema_of(record: type) -> dict[str, Any]:
    """The JSON schema of an object that `read_arguments` takes."""
    known = arguments_of(record)
    return {
        "type": "object",
        "properties": {item.name: _property(item) for item in known},
        "required": [item.name for item in known if item.is_required],
        "additionalProperties": False,
    }


def object_of(text: str, *, subject: str) -> dict[str, Any]:
    """The JSON object in `text`. Raises UsageError that names `subject`."""
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        told = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"the arguments are not JSON: {told}", subject=subject) from error
    if not isinstance(found, dict):
        hint = 'Such as: {"id": 12}'
        raise UsageError("the arguments are not a JSON object", hint=hint, subject=subject)
    return found


def _value(item: Argument, value: Any) -> object:
    try:
        return item.kind.read(value)
    except Wrong as wrong:
        hint = wrong.hint or f"{item.name}: {item.help}"
        raise UsageError(f"{item.name} {wrong.message}", hint=hint, subject=item.name) from wrong


def _unknown(name: str, known: Iterable[str], whose: str) -> UsageError:
    meant = nearest(name, known)
    hint = f"Did you mean {meant}?" if meant else f"It takes: {', '.join(known) or 'nothing'}."
    return UsageError(f"{whose} takes no {name}", hint=hint, subject=name)


def _property(item: Argument) -> dict[str, Any]:
    told = {**item.kind.schema, "description": item.help}
    if item.default in (None, ()):
        return told
    return {**told, "default": item.default}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
