"""Reading of the tables of a config file into records. Problems are recorded with their key, and reading continues."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_origin

from msgspec import Struct
from msgspec.structs import fields, replace

from huskies_core.config.document import Document, KeyFinding, KeyPath
from huskies_core.humanize import did_you_mean
from huskies_core.sanitize import has_controls

MOST = 1_000_000_000
"""The largest number in a config file. Larger numbers of seconds overflow dates."""

Record = TypeVar("Record")
Hint = str | Callable[[str], str]
"""A hint, or the function that returns the hint for an invalid value."""

_LIST_HINT = 'Write a list with each argument as its own string, such as ["make", "test"].'
_TYPE_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a table",
}


class TomlTable:
    """The table `data` at `path` of a document, by default the whole one. `finish` reports keys that were not read."""

    def __init__(self, document: Document, data: Mapping[str, Any] | None = None, path: KeyPath = ()) -> None:
        self.data = document.data if data is None else data
        self._document = document
        self._path = path
        self._known: set[str] = set()

    def name(self, key: str = "") -> str:
        """Return the dotted name of `key`, or of the table itself, without the numbers of array elements."""
        return ".".join(part for part in (*self._path, key) if part and isinstance(part, str))

    def problem(self, key: str, message: str, hint: str = "") -> None:
        """Record a problem of the value of `key`; an empty key stands for the table itself."""
        path = (*self._path, key) if key else self._path
        self._document.findings.append(KeyFinding(path, message, hint))

    def mistyped(self, key: str, noun: str, value: object, hint: str = "") -> None:
        """Record that the value of `key`, or an element of it, is not `noun`."""
        kind = _TYPE_NAMES.get(type(value), "a date or time")
        self.problem(key, f"{self.name(key)} must be {noun}, not {kind}", hint)

    def take(self, key: str) -> Any:
        """Return the value of a known key, or None if it is missing."""
        self._known.add(key)
        return self.data.get(key)

    def require(self, key: str) -> None:
        """Record a problem if `key` is missing."""
        if key not in self.data:
            number = [part + 1 for part in self._path if isinstance(part, int)]
            title = f"[[{self.name()}]] number {number[-1]}" if number else f"[{self.name()}]"
            self.problem("", f"{title} has no {key}")

    def finish(self) -> None:
        """Record a problem for each unknown key."""
        for key in self.data:
            if key not in self._known:
                known = f"Known here: {', '.join(sorted(self._known))}."
                self.problem(key, f"unknown key {self.name(key)}", did_you_mean(key, self._known, known))

    def table(self, key: str) -> "TomlTable":
        """Return the table under `key`, or an empty one if the key is missing or not a table."""
        value = self.take(key)
        if value is not None and not isinstance(value, dict):
            self.mistyped(key, "a table", value, f"Write [{self.name(key)}] and its keys below it.")
            value = None
        return TomlTable(self._document, value or {}, (*self._path, key))

    def tables(self, key: str) -> tuple["TomlTable", ...]:
        """Return the tables of an array; none if the key is missing or not an array of tables."""
        value, path = self.take(key), (*self._path, key)
        if value is None:
            return ()
        hint = f"Write [[{self.name(key)}]] for each."
        if not isinstance(value, list):
            self.mistyped(key, "a list of tables", value, hint)
            return ()
        for item in value:
            if not isinstance(item, dict):
                kind = _TYPE_NAMES.get(type(item), "a date or time")
                self.problem(key, f"each element of {self.name(key)} must be a table, not {kind}", hint)
                return ()
        return tuple(TomlTable(self._document, item, (*path, index)) for index, item in enumerate(value))


class KeyRule(Struct, frozen=True):
    """The rule of a value: its `types` and their `noun`, the tests that it must pass, and its conversion.

    The message of a test may contain {name}, the dotted name of the key, {key} and {value}. A list is a list of
    strings; `each` is the rule of its elements.
    """

    types: tuple[type, ...]
    noun: str
    hint: str = ""
    tests: tuple[tuple[Callable[[Any], object], str, Hint], ...] = ()
    each: "KeyRule | None" = None
    convert: Callable[[Any], Any] = lambda value: value

    def where(self, accepts: Callable[[Any], object], message: str, hint: Hint = "") -> "KeyRule":
        """Return the rule with another test."""
        return replace(self, tests=(*self.tests, (accepts, message, hint)))

    def to(self, convert: Callable[[Any], Any]) -> "KeyRule":
        """Return the rule with a conversion."""
        return replace(self, convert=convert)

    def read(self, table: TomlTable, key: str) -> Any:
        """Return the value of `key`; None if it is missing or, after recording its problems, invalid."""
        value = table.take(key)
        if value is None:
            return None
        is_typed = isinstance(value, self.types) and (bool in self.types or not isinstance(value, bool))
        items = value if is_typed and isinstance(value, list) else ()
        mistyped = [item for item in items if not isinstance(item, str)]
        if mistyped or not is_typed:
            table.mistyped(key, self.noun, mistyped[0] if mistyped else value, self.hint)
            return None
        return self.convert(value) if self.check(value, table, key) else None

    def check(self, value: Any, table: TomlTable, key: str) -> bool:
        """Return whether a value of the right type is valid. Record the first problem of it, or of each element."""
        for accepts, message, hint in self.tests:
            if not accepts(value):
                fact = message.format(name=table.name(key), key=key, value=value)
                table.problem(key, fact, hint if isinstance(hint, str) else hint(value))
                return False
        results = [self.each.check(item, table, key) for item in value] if self.each else []
        return all(results)


TEXT = KeyRule((str,), "a string").where(
    lambda text: "\0" not in text, "{name} must not contain a NUL character"
)
"""A text of any number of lines. No program accepts NUL in an argument."""
LINE = TEXT.where(
    lambda text: text.strip() and not has_controls(text),
    "{name} must be one line of text without control characters",
)
STRINGS = KeyRule((list,), "a list of strings", _LIST_HINT, each=TEXT, convert=tuple)
COMMAND = STRINGS.where(
    lambda words: words and words[0].strip(), "{name} must name a program first", _LIST_HINT
).where(
    lambda words: len(words) > 1 or " " not in words[0] or "/" in words[0],
    "{name} has a whole command in one string",
    _LIST_HINT,
)
_NUMBER = KeyRule((int, float), "a number", convert=float)
_AMOUNT = _NUMBER.where(lambda number: 0 <= number <= MOST, "{name} must be 0 or more, not {value}")
_LIMIT = _NUMBER.where(lambda number: 0 < number <= MOST, "{name} must be more than 0, not {value}")


def whole_number(least: int = 1, most: int = MOST) -> KeyRule:
    message = f"{{name}} must be between {least} and {most}, not {{value}}"
    return KeyRule((int,), "a whole number").where(lambda number: least <= number <= most, message)


def one_of(words: Sequence[str]) -> KeyRule:
    message = f"{{name}} must be {', '.join(words[:-1])} or {words[-1]}, not {{value!r}}"
    return TEXT.where(lambda word: word in words, message, lambda word: did_you_mean(word, words))


def some_of(kind: type[StrEnum]) -> KeyRule:
    """Return the rule for a list of members of `kind`, which become a tuple in the order of `kind`, each once."""
    word = TEXT.where(
        lambda word: word in set(kind),
        "{name} has an unknown value {value!r}",
        lambda word: did_you_mean(word, kind, f"Known: {', '.join(kind)}."),
    )
    return replace(STRINGS, each=word).to(lambda words: tuple(choice for choice in kind if choice in words))


_RULES: Mapping[object, KeyRule] = {
    bool: KeyRule((bool,), "true or false"),
    **dict.fromkeys((int, int | None), whole_number()),
    float: _AMOUNT,
    float | None: _LIMIT,
    **dict.fromkeys((str, str | None), LINE),
    tuple[str, ...]: STRINGS,
}


def read_record(record: type[Record], table: TomlTable) -> Record:
    """Return the record that `table` describes. A missing or invalid key takes the field's default.

    The type of a field selects the rule of its key; `Annotated` names another. A field without a default is a required
    key. A function `check_keys` of the record checks keys that depend on each other. After a problem has been recorded,
    the result is incomplete and must not be used.
    """
    values: dict[str, Any] = {}
    for name, key, kind, required in _fields_of(record):
        if required:
            table.require(key)
        value = _read_value(kind, table, key)
        if required or value is not None:
            values[name] = value
    table.finish()
    if check_keys := getattr(record, "check_keys", None):
        check_keys(table)
    return record(**values)


def _fields_of(record: Any) -> Iterator[tuple[str, str, Any, bool]]:
    """Yield the name, the key and the type of each field, and whether it is required."""
    if issubclass(record, Struct):
        yield from ((item.name, item.encode_name, item.type, item.required) for item in fields(record))
    else:  # Price: the supervisor, which imports the standard library alone, has it, too
        yield from ((item.name, item.name, item.type, False) for item in dataclasses.fields(record))


def read_records(record: type[Record], tables: Iterable[TomlTable]) -> tuple[Record, ...]:
    """Return a record for each table. Record a problem for each name that is used twice."""
    records: list[Any] = []
    for table in tables:
        item: Any = read_record(record, table)
        if item.name and any(item.name == other.name for other in records):
            table.problem("name", f"name {item.name!r} is used twice")
        records.append(item)
    return tuple(records)


def _read_value(kind: Any, table: TomlTable, key: str) -> Any:
    named: tuple[KeyRule, ...] = getattr(kind, "__metadata__", ())
    if named or kind in _RULES:
        return (named[0] if named else _RULES[kind]).read(table, key)
    if get_origin(kind) is tuple:
        return read_records(get_args(kind)[0], table.tables(key))
    if get_origin(kind) is Mapping:
        values = table.table(key)
        return MappingProxyType({name: _read_value(get_args(kind)[1], values, name) for name in values.data})
    if issubclass(kind, StrEnum):
        return one_of([choice.value for choice in kind]).to(kind).read(table, key)
    return read_record(kind, table.table(key))
