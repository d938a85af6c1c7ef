"""The line of each key of a TOML document: neither tomllib nor tomlkit tells it.

Looked at only once something is wrong, on text that tomllib has read: so it need not judge, only find its way.
"""

import re
import tomllib
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Keys from the top of the document; an element of an array is named by its index."""

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
    """The line on which each key and each array element begins. `text` is valid TOML."""
    return _Walk(text).document()


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of `path`, or of the nearest thing around it that has one."""
    return next((lines[path[:size]] for size in range(len(path), 0, -1) if path[:size] in lines), 1)


class _Walk:
    """Goes once through the tokens and notes where keys begin."""

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
        """`[a.b]` or `[[a.b]]`: the table that the pairs below it belong to."""
        line = self._tokens[self._at][1]
        self._step()
        of_array = self._token == "["
        if of_array:
            self._step()
        keys = self._keys("]")
        self._step()
        if of_array:
            self._step()
        table = self._within((), keys[:-1], line)
        return self._element(table + keys[-1:], line) if of_array else self._within(table, keys[-1:], line)

    def _within(self, table: KeyPath, keys: KeyPath, line: int) -> KeyPath:
        """The table that `keys` lead to: through an array of tables the way goes by its last one."""
        for key in keys:
            table = (*table, key)
            self._lines.setdefault(table, line)
            if table in self._sizes:
                table = (*table, self._sizes[table] - 1)
        return table

    def _element(self, array: KeyPath, line: int) -> KeyPath:
        index = self._sizes.get(array, 0)
        self._sizes[array] = index + 1
        self._lines.setdefault(array, line)
        self._lines[*array, index] = line
        return (*array, index)

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
        token = self._step()
        if token == "[":
            self._array(path)
        elif token == "{":
            self._inline_table(path)
        else:
            while self._token not in ("\n", ",", "]", "}", _END):
                self._step()

    def _array(self, path: KeyPath) -> None:
        index = 0
        while self._token != "]":
            if self._token in ("\n", ","):
                self._step()
                continue
            self._lines[*path, index] = self._tokens[self._at][1]
            self._value((*path, index))
            index += 1
        self._step()

    def _inline_table(self, path: KeyPath) -> None:
        while self._token != "}":
            if self._token in ("\n", ","):
                self._step()
            else:
                self._pair(path)
        self._step()


def _tokens(text: str) -> list[tuple[str, int]]:
    """Every token that matters with its line, and the end of the text as an empty one."""
    tokens: list[tuple[str, int]] = []
    line = 1
    for found in _TOKEN.finditer(text):
        if found.lastgroup != "skip":
            tokens.append((found[0], line))
        line += found[0].count("\n")
    return [*tokens, (_END, line)]


def _plain(key: str) -> str:
    """A key without its quotes and escapes."""
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key
