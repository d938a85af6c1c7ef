"""One table of a config file, read key by key. What is wrong is noted with its place, and reading goes on."""

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from huskies_core.config.document import Document, Finding
from huskies_core.config.positions import KeyPath
from huskies_core.sanitize import has_controls
from huskies_core.suggest import nearest

MOST = 1_000_000_000
"""No number in the config may be greater: seconds beyond it break the calendar."""

Choice = TypeVar("Choice", bound=StrEnum)
_LIST_HINT = 'Write a list with each argument as its own string, such as ["make", "test"].'


class Table:
    """`data` at `path` of the document. Keys that nobody asked for are unknown ones: `finish` notes them."""

    def __init__(self, document: Document, data: Mapping[str, object], path: KeyPath = ()) -> None:
        self._document = document
        self._data = data
        self._path = path
        self._known: set[str] = set()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._data)

    def has(self, key: str) -> bool:
        return key in self._data

    def problem(self, key: str, message: str, hint: str = "") -> None:
        """Notes that the value of `key` is wrong; with an empty key, the table itself."""
        path = (*self._path, key) if key else self._path
        self._document.findings.append(Finding(path, message, hint))

    def finish(self) -> None:
        """Notes every key that was never asked for, with the known one that is nearest to it."""
        for key in self._data:
            if key not in self._known:
                meant = nearest(key, self._known)
                known = f"Known here: {', '.join(sorted(self._known))}."
                self.problem(
                    key, f"unknown key {self._name(key)}", f"Did you mean {meant}?" if meant else known
                )

    def integer(self, key: str, default: int, *, least: int = 1, most: int = MOST) -> int:
        value = self.optional_integer(key, least=least, most=most)
        return default if value is None else value

    def optional_integer(self, key: str, *, least: int = 1, most: int = MOST) -> int | None:
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self._wrong(key, "a whole number", value)
            return None
        if not least <= value <= most:
            self.problem(key, f"{self._name(key)} must be between {least} and {most}, not {value}")
            return None
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._take(key)
        if value is not None and not isinstance(value, bool):
            self._wrong(key, "true or false", value)
        return value if isinstance(value, bool) else default

    def amount(self, key: str, *, positive: bool = False) -> float | None:
        """A finite number that is not negative, and with `positive` not 0 either."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            self._wrong(key, "a number", value)
            return None
        if not math.isfinite(value) or not 0 <= value <= MOST or (positive and value == 0):
            least = "more than 0" if positive else "0 or more"
            self.problem(key, f"{self._name(key)} must be {least}, not {value}")
            return None
        return float(value)

    def text(self, key: str) -> str | None:
        """Text of any number of lines; only NUL, which no program can be given, is refused."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self._wrong(key, "a string", value)
            return None
        if "\0" in value:
            self.problem(key, f"{self._name(key)} must not contain a NUL character")
            return None
        return value

    def line(self, key: str) -> str | None:
        """Text of one line without control characters, not blank."""
        value = self.text(key)
        if value is None:
            return None
        if not value.strip() or has_controls(value):
            self.problem(key, f"{self._name(key)} must be one line of text without control characters")
            return None
        return value

    def required_line(self, key: str) -> str:
        """As `line`; an empty string when it is missing, which is noted."""
        self.require(key)
        return self.line(key) or ""

    def choice(self, key: str, default: Choice) -> Choice:
        """One of the words that `default` is one of."""
        return type(default)(self.word(key, default.value, [choice.value for choice in type(default)]))

    def choices(self, key: str, default: tuple[Choice, ...]) -> tuple[Choice, ...]:
        """A list of words that `default` has at least one of, in their own order, each once."""
        known = type(default[0])
        given = self.strings(key) if self.has(key) else default
        for word in given:
            if word not in set(known):
                meant = nearest(word, known)
                hint = f"Did you mean {meant}?" if meant else f"Known: {', '.join(known)}."
                self.problem(key, f"{self._name(key)} has an unknown word {word!r}", hint)
        return tuple(choice for choice in known if choice in given)

    def word(self, key: str, default: str, words: Sequence[str]) -> str:
        """One of `words`; `default` where it is missing or something else, which is noted."""
        value = self.text(key)
        if value is None or value in words:
            return default if value is None else value
        meant = nearest(value, words)
        listed = f"{', '.join(words[:-1])} or {words[-1]}"
        self.problem(
            key,
            f"{self._name(key)} must be {listed}, not {value!r}",
            f"Did you mean {meant}?" if meant else "",
        )
        return default

    def require(self, key: str) -> None:
        """Notes that `key` is missing, if it is."""
        if not self.has(key):
            self.problem("", f"{self._title()} has no {key}")

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of strings; where something else stands, the empty one."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._wrong(key, "a list of strings", value, _LIST_HINT if isinstance(value, str) else "")
            return ()
        wrong = [item for item in value if not isinstance(item, str) or "\0" in item]
        if wrong:
            self._wrong(key, "a list of strings", wrong[0], _LIST_HINT)
            return ()
        return tuple(value)

    def arguments(self, key: str) -> tuple[str, ...]:
        """The argument list of a command; the empty one when it is missing."""
        words = self.strings(key)
        if self._data.get(key) == [] or (words and not words[0].strip()):
            self.problem(key, f"{self._name(key)} must name a program first", _LIST_HINT)
        elif len(words) == 1 and " " in words[0] and "/" not in words[0]:
            self.problem(key, f"{self._name(key)} has a whole command in one string", _LIST_HINT)
        return words

    def table(self, key: str) -> "Table":
        """The table under `key`; an empty one when it is missing or something else."""
        value = self._take(key)
        if value is not None and not isinstance(value, dict):
            self._wrong(key, "a table", value, f"Write [{self._name(key)}] and its keys below it.")
            value = None
        return Table(self._document, value or {}, (*self._path, key))

    def tables(self, key: str) -> tuple["Table", ...]:
        """The tables of an array of them; none when it is missing or something else."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._wrong(key, "a list of tables", value, f"Write [[{self._name(key)}]] for each.")
            return ()
        return tuple(
            Table(self._document, item, (*self._path, key, index)) for index, item in enumerate(value)
        )

    def _take(self, key: str) -> object:
        self._known.add(key)
        return self._data.get(key)

    def _wrong(self, key: str, wanted: str, value: object, hint: str = "") -> None:
        self.problem(key, f"{self._name(key)} must be {wanted}, not {_kind(value)}", hint)

    def _name(self, key: str) -> str:
        return ".".join([*(part for part in self._path if isinstance(part, str)), key])

    def _title(self) -> str:
        """The table as its header has it, with its number where there are several."""
        name = ".".join(part for part in self._path if isinstance(part, str))
        number = [part + 1 for part in self._path if isinstance(part, int)]
        return f"[[{name}]] number {number[-1]}" if number else f"[{name}]"


def note_duplicates(tables: Iterable[Table], names: Iterable[str], key: str = "name") -> None:
    """Notes each table whose name an earlier one has. Empty names are noted elsewhere."""
    seen: set[str] = set()
    for table, name in zip(tables, names, strict=True):
        if name and name in seen:
            table.problem(key, f"{key} {name!r} is used twice")
        seen.add(name)


_KINDS = {
    bool: "true or false",
    dict: "a table",
    float: "a number",
    int: "a whole number",
    list: "a list",
    str: "a string",
}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a date or time")
