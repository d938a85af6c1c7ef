"""The line of each key of a TOML document, which neither tomllib nor tomlkit reports.

Runs only after a problem was found, on text that tomllib accepted; it does not validate.
"""

import re
import tomllib
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""The keys from the top of the document; an element of an array has its index as key."""

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


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the first line of each key and array element. `text` must be valid TOML."""
    return _Walk(text).document()


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """Return the line of `path`, else that of the nearest enclosing key."""
    return next((lines[path[:size]] for size in range(len(path), 0, -1) if path[:size] in lines), 1)


class _Walk:
    """One pass over the tokens that records the line of each key."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._lines: dict[KeyPath, int] = {}
        self._sizes: dict[KeyPath, int] = {}

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._token != _END:
            if self._token == "\n":
                self._step()
            elif self._token == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._lines

    @property
    def _token(self) -> str:
        return self._tokens[self._at][0]

    def _step(self) -> str:
        token = self._token
        self._at += 1
        return token

    def _header(self) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]` and return the table of the pairs below it."""
        line = self._tokens[self._at][1]
        self._step()
        is_array = self._token == "["
        if is_array:
            self._step()
        keys = self._keys("]")
        self._step()
        if not is_array:
            return self._within((), keys, line)
        self._step()
        array = (*self._within((), keys[:-1], line), keys[-1])
        index = self._sizes.get(array, 0)
        self._sizes[array] = index + 1
        self._lines.setdefault(array, line)
        self._lines[*array, index] = line
        return (*array, index)

    def _within(self, table: KeyPath, keys: KeyPath, line: int) -> KeyPath:
        """Return the table at `keys`. Within an array of tables this is its last element."""
        for key in keys:
            table = (*table, key)
            self._lines.setdefault(table, line)
            if table in self._sizes:
                table = (*table, self._sizes[table] - 1)
        return table

    def _keys(self, end: str) -> KeyPath:
        keys: list[str] = []
        while self._token != end:
            if (token := self._step()) != ".":
                keys.append(_plain(token))
        return tuple(keys)

    def _pair(self, table: KeyPath) -> None:
        line = self._tokens[self._at][1]
        keys = self._keys("=")
        self._step()
        self._value(self._within(table, keys, line))

    def _value(self, path: KeyPath) -> None:
        opening = self._step()
        if opening not in ("[", "{"):
            while self._token not in ("\n", ",", "]", "}", _END):
                self._step()
            return
        index = 0
        while self._token not in ("]", "}"):
            if self._token in ("\n", ","):
                self._step()
            elif opening == "{":
                self._pair(path)
            else:
                self._lines[*path, index] = self._tokens[self._at][1]
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


def _plain(key: str) -> str:
    """Return a key without quotes and escapes."""
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key
