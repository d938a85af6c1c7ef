"""Convert records to rows of the database and back: each field of a record is a column of the same name.

Text, numbers, ids and None are stored unchanged, enums by their value and times in ISO 8601. Tuples, mappings and
records are stored as JSON in msgspec's form. A field that is not one column has a mark: `Annotated[Draft, Embedded]`,
or `Annotated[Stage, Stored(...)]`.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from huskies_core.clock import from_iso, to_iso
from huskies_core.errors import HuskiesError
from huskies_core.store.errors import damaged

Row = sqlite3.Row | Mapping[str, Any]
Values = Sequence[Any] | Mapping[str, Any]
T = TypeVar("T")


UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, msgspec.DecodeError)
"""The errors of a function that reads JSON whose form no version wrote."""


class Embedded:
    """The mark of a field that is a record with its own columns in the same row."""


class Stored(Struct, frozen=True):
    """The mark of a field that `read` takes from the whole row; `write` returns its columns."""

    read: Callable[[Row], Any]
    write: Callable[[Any], dict[str, Any]] = lambda _: {}


def text_column(name: str) -> Stored:
    """Return the mark of a field that is stored unchanged in the column `name`."""
    return Stored(lambda row: row[name], lambda value: {name: value})


def json_column(name: str, read: Callable[[Any], Any], write: Callable[[Any], Any]) -> Stored:
    """Return the mark of a field that is stored as JSON in the column `name`; `read` gets {} for NULL."""

    def read_value(row: Row) -> Any:
        try:
            return read(json.loads(row[name] or "{}"))
        except UNREADABLE as error:
            raise unreadable(name, error) from error

    return Stored(read_value, lambda value: {name: to_text(write(value))})


def unreadable(name: str, error: Exception) -> HuskiesError:
    """Return the error for a value of the column `name` that no version wrote."""
    return damaged(f"column {name}: {f'no key {error}' if isinstance(error, KeyError) else error}")


@contextmanager
def reading_column(name: str) -> Iterator[None]:
    """Raise HuskiesError `store_damaged` if the block cannot read a value of that column."""
    try:
        yield
    except UNREADABLE as error:
        raise unreadable(name, error) from error


def from_row(record: Callable[..., T], row: Row) -> T:
    """Return the record with the fields in `row`, which may have more columns.

    Raise HuskiesError `store_damaged` if a column has a value that no version wrote.
    """
    return record(**{name: column.read(row) for name, column in _columns(record)})


def reader(record: Callable[..., T]) -> Callable[[Row], T]:
    """Return a function that converts a row to that record."""
    return partial(from_row, record)


def to_row(record: Any) -> dict[str, Any]:
    """Return the columns of a record by name, as values that SQLite can store."""
    columns = ((column, getattr(record, name)) for name, column in _columns(record.__class__))
    return {key: text for column, value in columns for key, text in column.write(value).items()}


def insert(db: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> int:
    """Insert a row and return its rowid."""
    names = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(f":{name}" for name in row)
    done = db.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", row)
    assert done.lastrowid is not None
    return done.lastrowid


def update(db: sqlite3.Connection, table: str, number: int, row: Mapping[str, Any]) -> None:
    """Write the columns in `row` to the table's row with the id `number`."""
    changes = ", ".join(f'"{name}" = :{name}' for name in row)
    db.execute(f"UPDATE {table} SET {changes} WHERE id = :id", {**row, "id": number})


def scalar(db: sqlite3.Connection, query: str, values: Values = ()) -> Any:
    """Return the first column of the first row, or None if there is no row."""
    row = db.execute(query, values).fetchone()
    return None if row is None else row[0]


def marks(values: Collection[object]) -> str:
    """Return one placeholder for each value, for `IN (...)`."""
    return ", ".join("?" * len(values))


def to_text(value: Any) -> str:
    """Return `value` as JSON in the form that the database stores."""
    return json.dumps(value, ensure_ascii=False)


@cache
def _columns(record: Any) -> tuple[tuple[str, Stored], ...]:
    return tuple((item.name, _column(item.name, item.type)) for item in fields(record))


def _column(name: str, hint: Any) -> Stored:
    hint, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    if Embedded in marks:
        return Stored(lambda row: from_row(hint, row), to_row)
    mark = next((mark for mark in marks if isinstance(mark, Stored)), None)
    if mark is not None:
        return mark
    read, write = _codec(hint)
    if read is None:
        return text_column(name)

    def read_value(row: Row) -> Any:
        try:
            return None if row[name] is None else read(row[name])
        except UNREADABLE as error:
            raise unreadable(name, error) from error

    return Stored(read_value, lambda value: {name: value if value is None or write is None else write(value)})


_Convert = Callable[[Any], Any]


def _codec(hint: Any) -> tuple[_Convert | None, _Convert | None]:
    """Return the functions that read and write a column of that type; None if its value is stored unchanged."""
    if isinstance(hint, UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not NoneType)
    if hint is datetime:
        return from_iso, to_iso
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint, None
    if get_origin(hint) in (tuple, Mapping) or (isinstance(hint, type) and issubclass(hint, Struct)):
        return msgspec.json.Decoder(hint).decode, lambda value: to_text(msgspec.to_builtins(value))
    return None, None
