"""Sanitize text from people, agents and git before a terminal shows it."""

import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NUMBER = re.compile("[1-9][0-9]{0,17}")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def without_controls(text: str) -> str:
    """`text` with escape sequences, control characters and direction overrides removed; newline and tab stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    """`text` fit for one line of a terminal: no control characters, white space folded."""
    return " ".join(without_controls(text).split())


def has_controls(text: str) -> bool:
    """Whether `text` has a character that no one-line text may have (newline and tab among them)."""
    return bool(_CONTROLS.search(text)) or any(mark in text for mark in "\n\t\u2028\u2029")


def is_text(text: str) -> bool:
    """Return False for NUL, and for lone surrogates: bytes that could not be decoded."""
    return _NO_TEXT.search(text) is None


def is_number(name: str) -> bool:
    """Whether a folder, branch or ref that others can make has the name of a number as the store holds them."""
    return _NUMBER.fullmatch(name) is not None


def tail(text: str, limit: int) -> str:
    """The last whole lines of `text` that fit into `limit` characters; a longer last line is cut from its left."""
    if len(text) <= limit:
        return text
    cut = text[-limit:]
    _, newline, rest = cut.partition("\n")
    return rest if newline and rest else cut
