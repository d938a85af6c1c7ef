"""Typed reading of the tables of a config file. Errors are recorded with their key, and reading continues."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from huskies_core.config.document import Document, KeyFinding, KeyPath
from huskies_core.humanize import did_you_mean
from huskies_core.sanitize import has_controls

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MOST = 1_000_000_000
"""The largest number in a config file. Larger numbers of seconds overflow dates."""

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")
Record = TypeVar("Record", bound="DataclassInstance")

_LIST_HINT = 'Write a list with each argument as its own string, such as ["make", "test"].'
_TYPE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a table",
}
_KEYS = {"gates": "gate", "components": "component"}


class Table:
    """The table `data` at `path` of a document, by default the whole one. `finish` reports the keys that were not read.

    Each reader returns None if the key is missing or its value is invalid, and records a problem in the latter case.
    """

    def __init__(self, document: Document, data: Mapping[str, Any] | None = None, path: KeyPath = ()) -> None:
        self.data = document.data if data is None else data
        self._document = document
        self._path = path
        self._known: set[str] = set()

    def has(self, key: str) -> bool:
        return key in self.data

    def name(self, key: str) -> str:
        """Return the dotted name of `key`, without the numbers of array elements."""
        return ".".join([*(part for part in self._path if isinstance(part, str)), key])

    def problem(self, key: str, message: str, hint: str = "") -> None:
        """Record a problem of the value of `key`; an empty key stands for the table itself."""
        path = (*self._path, key) if key else self._path
        self._document.findings.append(KeyFinding(path, message, hint))

    def require(self, key: str) -> None:
        """Record a problem if `key` is missing."""
        if not self.has(key):
            name = ".".join(part for part in self._path if isinstance(part, str))
            number = [part + 1 for part in self._path if isinstance(part, int)]
            title = f"[[{name}]] number {number[-1]}" if number else f"[{name}]"
            self.problem("", f"{title} has no {key}")

    def finish(self) -> None:
        """Record a problem for each unknown key."""
        for key in self.data:
            if key not in self._known:
                known = f"Known here: {', '.join(sorted(self._known))}."
                self.problem(key, f"unknown key {self.name(key)}", did_you_mean(key, self._known, known))

    def integer(self, key: str, *, least: int = 1, most: int = MOST) -> int | None:
        value = self._typed(key, (int,), "a whole number")
        if value is not None and not least <= value <= most:
            self.problem(key, f"{self.name(key)} must be between {least} and {most}, not {value}")
            return None
        return value

    def flag(self, key: str) -> bool | None:
        return self._typed(key, (bool,), "true or false")

    def amount(self, key: str, *, positive: bool = False) -> float | None:
        """Return a finite number that is 0 or more; with `positive`, more than 0."""
        value = self._typed(key, (int, float), "a number")
        if value is not None and (not 0 <= value <= MOST or (positive and value == 0)):  # also NaN
            least = "more than 0" if positive else "0 or more"
            self.problem(key, f"{self.name(key)} must be {least}, not {value}")
            return None
        return value if value is None else float(value)

    def text(self, key: str) -> str | None:
        """Return a text of any number of lines. NUL is refused because no program accepts it as an argument."""
        value = self._typed(key, (str,), "a string")
        if value is not None and "\0" in value:
            self.problem(key, f"{self.name(key)} must not contain a NUL character")
            return None
        return value

    def line(self, key: str) -> str | None:
        """Return a text of one line that is not blank and has no control characters."""
        value = self.text(key)
        if value is not None and (not value.strip() or has_controls(value)):
            self.problem(key, f"{self.name(key)} must be one line of text without control characters")
            return None
        return value

    def choice(self, key: str, kind: type[Choice]) -> Choice | None:
        value = self.word(key, [choice.value for choice in kind])
        return None if value is None else kind(value)

    def choices(self, key: str, kind: type[Choice]) -> tuple[Choice, ...] | None:
        """Return the listed members of `kind` in the order of `kind`, each once."""
        words = self.strings(key)
        for word in words or ():
            if word not in set(kind):
                hint = did_you_mean(word, kind, f"Known: {', '.join(kind)}.")
                self.problem(key, f"{self.name(key)} has an unknown value {word!r}", hint)
        return None if words is None else tuple(choice for choice in kind if choice in words)

    def word(self, key: str, words: Sequence[str]) -> str | None:
        value = self.text(key)
        if value is None or value in words:
            return value
        listed = f"{', '.join(words[:-1])} or {words[-1]}"
        message = f"{self.name(key)} must be {listed}, not {value!r}"
        self.problem(key, message, did_you_mean(value, words))
        return None

    def strings(self, key: str) -> tuple[str, ...] | None:
        values = self._typed(key, (list,), "a list of strings", _LIST_HINT)
        for value in values or ():
            if not isinstance(value, str) or "\0" in value:
                self._mistyped(key, "a list of strings", value, _LIST_HINT)
                return None
        return None if values is None else tuple(values)

    def arguments(self, key: str) -> tuple[str, ...] | None:
        """Return the argument list of a command."""
        words = self.strings(key)
        if words == () or (words and not words[0].strip()):
            self.problem(key, f"{self.name(key)} must name a program first", _LIST_HINT)
        elif words and len(words) == 1 and " " in words[0] and "/" not in words[0]:
            self.problem(key, f"{self.name(key)} has a whole command in one string", _LIST_HINT)
        return words

    def table(self, key: str) -> "Table":
        """Return the table under `key`, or an empty one if the key is missing or not a table."""
        value = self._typed(key, (dict,), "a table", f"Write [{self.name(key)}] and its keys below it.")
        return Table(self._document, value or {}, (*self._path, key))

    def tables(self, key: str) -> tuple["Table", ...]:
        """Return the tables of an array; none if the key is missing or not an array of tables."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._mistyped(key, "a list of tables", value, f"Write [[{self.name(key)}]] for each.")
            return ()
        path = (*self._path, key)
        return tuple(Table(self._document, item, (*path, index)) for index, item in enumerate(value))

    def _take(self, key: str) -> Any:
        self._known.add(key)
        return self.data.get(key)

    def _typed(self, key: str, types: tuple[type[Value], ...], noun: str, hint: str = "") -> Value | None:
        """Return the value of `key` if it is of one of the `types`. A bool is not an int here."""
        value = self._take(key)
        if value is None or (isinstance(value, types) and (bool in types or not isinstance(value, bool))):
            return value
        self._mistyped(key, noun, value, hint)
        return None

    def _mistyped(self, key: str, noun: str, value: object, hint: str) -> None:
        kind = _TYPE_NAMES.get(type(value), "a date or time")
        self.problem(key, f"{self.name(key)} must be {noun}, not {kind}", hint)


Reader = Callable[[Table, str], object]
_READERS: Mapping[object, Reader] = {
    bool: Table.flag,
    int: Table.integer,
    int | None: Table.integer,
    float: Table.amount,
    float | None: partial(Table.amount, positive=True),
    str: Table.line,
    str | None: Table.line,
    tuple[str, ...]: Table.strings,
}


def read_record(record: type[Record], table: Table) -> Record:
    """Return the record that `table` describes. A missing or invalid key takes the field's default.

    The type of a field selects the reader of its key; `Annotated` names another. A field without a default is a
    required key. After a problem has been recorded, the result is incomplete and must not be used.
    """
    values: dict[str, Any] = {}
    for field in fields(record):
        key = key_of(field.name)
        required = field.default is MISSING and field.default_factory is MISSING
        if required:
            table.require(key)
        value = _reader_of(field.type)(table, key)
        if required or value is not None:
            values[field.name] = value
    table.finish()
    return record(**values)


def read_records(record: type[Record], tables: Iterable[Table]) -> tuple[Record, ...]:
    """Return a record for each table. Record a problem for each name that is used twice."""
    records: list[Any] = []
    for table in tables:
        item: Any = read_record(record, table)
        if item.name and any(item.name == other.name for other in records):
            table.problem("name", f"name {item.name!r} is used twice")
        records.append(item)
    return tuple(records)


def key_of(field: str) -> str:
    """Return the key of the config file that a field of a record is read from."""
    return _KEYS.get(field, field)


def _reader_of(kind: Any) -> Reader:
    named: tuple[Reader, ...] = getattr(kind, "__metadata__", ())
    if named or kind in _READERS:
        return named[0] if named else _READERS[kind]
    if get_origin(kind) is tuple:
        return lambda table, key: read_records(get_args(kind)[0], table.tables(key))
    if issubclass(kind, StrEnum):
        return lambda table, key: table.choice(key, kind)
    return lambda table, key: read_record(kind, table.table(key))
