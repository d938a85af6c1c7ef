"""A config file: its text and data, the line of each key, and the problems found in it."""

import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from huskies_core.errors import HuskiesError

KeyPath = tuple[str | int, ...]
"""The keys from the top of the document; an element of an array has its index as key."""

_POSITION = re.compile(
    r"^(?P<fact>.*?)\s*\((?:at line (?P<line>\d+), column \d+|at end of document)\)$", re.DOTALL
)
_TOKEN = re.compile(
    r'''
    (?P<skip>[ \t\r]+|\#[^\n]*)
    |(?P<text>"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')
    |(?P<mark>[\[\]{}=,.\n])
    |(?P<bare>[^\s\[\]{}=,."'\#]+)
    ''',
    re.VERBOSE | re.DOTALL,
)
_END = ""
LONG_NUMBER = "a number has too many digits"
DEEP_NESTING = "arrays or tables are nested too deeply"


class Problem(Struct, frozen=True):
    """A problem at a line, counted from 1. `path` is relative to the project's root."""

    path: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class ConfigError(HuskiesError):
    """The config is invalid. `problems` lists all problems in the order of the files; the message is the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        hint = first.hint or "Correct the file; 'huskies config check' lists every problem."
        super().__init__(f"{first}{more}", hint=hint, code="config_error", subject=first.path)
        self.problems = tuple(problems)


class KeyFinding(Struct, frozen=True):
    """A problem at a key. `Document.problems` looks up the line."""

    path: KeyPath
    message: str
    hint: str = ""


class Document(Struct, frozen=True):
    """A config file. `findings` collects the problems while its data is read. A missing file has no data."""

    path: str
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    findings: list[KeyFinding] = field(default_factory=list)

    def problems(self) -> tuple[Problem, ...]:
        """Return the findings as problems, in the order of the file."""
        if not self.findings:
            return ()
        lines = key_lines(self.text)
        problems = [
            Problem(self.path, line_of(lines, item.path), item.message, item.hint) for item in self.findings
        ]
        return tuple(sorted(problems, key=lambda problem: problem.line))


def parse(path: str, text: str | None) -> Document:
    """Return the document with its data; None is the text of a missing file. Raise ConfigError if it is not TOML."""
    if text is None:
        return Document(path)
    if not text:
        hint = "A full disk can cause this. Restore it ('git checkout -- FILE'), or write a comment into it."
        raise ConfigError([Problem(path, 1, "the file is empty", hint)])
    try:
        return Document(path, text, read_toml(text))
    except tomllib.TOMLDecodeError as error:
        message, last_line = str(error), text.rstrip("\n").count("\n") + 1
    except ValueError:
        raise ConfigError(
            [Problem(path, _long_number_line(text), f"not valid TOML: {LONG_NUMBER}")]
        ) from None
    except RecursionError:
        raise ConfigError([Problem(path, 1, DEEP_NESTING)]) from None
    position = _POSITION.match(message)
    line = int(position["line"]) if position and position["line"] else last_line
    fact = position["fact"] if position else message
    raise ConfigError([Problem(path, line, f"not valid TOML: {fact[:1].lower()}{fact[1:]}")])


def read_toml(text: str) -> dict[str, Any]:
    """Return the data of a TOML text.

    Raise TOMLDecodeError if it is not TOML, another ValueError for a number with more digits than Python converts,
    RecursionError for deep nesting.
    """
    data = tomllib.loads(text)
    if "0x" in text or "0o" in text or "0b" in text:
        repr(data)  # converts the numbers that are not written in decimal, too
    return data


def _long_number_line(text: str) -> int:
    most = sys.get_int_max_str_digits()
    lines = (line for token, line in _tokens(text) if len(token) > most and token[0] not in "\"'")
    return next(lines, 1)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the first line of each key and array element, which neither tomllib nor tomlkit reports.

    `text` must be valid TOML.
    """
    return _Walk(text).document()


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """Return the line of `path`, else that of the nearest enclosing key."""
    return next((lines[path[:size]] for size in range(len(path), 0, -1) if path[:size] in lines), 1)


class _Walk:
    """One pass over the tokens that records the line of each key. It does not validate."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._lines: dict[KeyPath, int] = {}
        self._last: dict[KeyPath, int] = {}
        """The index of the last element of each array of tables."""

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._token != _END:
            if self._token == "[":
                table = self._header()
            elif not self._skip("\n"):
                self._pair(table)
        return self._lines

    @property
    def _token(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _line(self) -> int:
        return self._tokens[self._at][1]

    def _step(self) -> str:
        token = self._token
        self._at += 1
        return token

    def _skip(self, marks: str) -> int:
        """Skip tokens as long as they are one of the marks, and return their number."""
        start = self._at
        while self._token != _END and self._token in marks:
            self._at += 1
        return self._at - start

    def _header(self) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]` and return the table of the pairs below it."""
        line, brackets = self._line, self._skip("[")
        keys = self._keys("]")
        self._skip("]")
        if brackets == 1:
            return self._within((), keys, line)
        array = (*self._within((), keys[:-1], line), keys[-1])
        self._last[array] = self._last.get(array, -1) + 1
        table = (*array, self._last[array])
        self._lines.setdefault(array, line)
        self._lines[table] = line
        return table

    def _within(self, table: KeyPath, keys: KeyPath, line: int) -> KeyPath:
        """Return the table at `keys`. Within an array of tables this is its last element."""
        for key in keys:
            table = (*table, key)
            self._lines.setdefault(table, line)
            if table in self._last:
                table = (*table, self._last[table])
        return table

    def _keys(self, end: str) -> KeyPath:
        keys: list[str] = []
        while self._token != end:
            if (token := self._step()) != ".":
                is_quoted = token[0] in "\"'"
                keys.append(str(tomllib.loads(f"key = {token}")["key"]) if is_quoted else token)
        return tuple(keys)

    def _pair(self, table: KeyPath) -> None:
        line = self._line
        keys = self._keys("=")
        self._step()
        self._value(self._within(table, keys, line))

    def _value(self, path: KeyPath) -> None:
        opening, index = self._step(), 0
        if opening not in ("[", "{"):
            while self._token not in ("\n", ",", "]", "}", _END):
                self._step()
            return
        while self._token not in ("]", "}"):
            if self._skip("\n,"):
                continue
            if opening == "{":
                self._pair(path)
            else:
                self._lines[*path, index] = self._line
                self._value((*path, index))
                index += 1
        self._step()


def _tokens(text: str) -> list[tuple[str, int]]:
    """Return each token with its line, except spaces and comments. An empty token marks the end."""
    tokens: list[tuple[str, int]] = []
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skip":
            tokens.append((match[0], line))
        line += match[0].count("\n")
    return [*tokens, (_END, line)]
