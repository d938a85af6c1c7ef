"""Sanitize text from people, agents and git before a terminal shows it."""

import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NUMBER = re.compile("[1-9][0-9]{0,17}")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def without_controls(text: str) -> str:
    """Return `text` without escape sequences, control characters and direction overrides. Keep newline and tab."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    """Return `text` as one line without control characters. Collapse white space."""
    return " ".join(without_controls(text).split())


def has_controls(text: str) -> bool:
    """Return whether `text` has a character that a one-line text must not have, such as newline or tab."""
    return bool(_CONTROLS.search(text)) or any(mark in text for mark in "\n\t\u2028\u2029")


def is_text(text: str) -> bool:
    """Return whether `text` contains neither NUL nor lone surrogates, which represent undecodable bytes."""
    return _NO_TEXT.search(text) is None


def is_number(name: str) -> bool:
    """Return whether the name of a folder, branch or ref is a number that the store can contain."""
    return _NUMBER.fullmatch(name) is not None


def tail(text: str, limit: int) -> str:
    """Return the last whole lines of `text` within `limit` characters. Cut a longer last line on its left."""
    if len(text) <= limit:
        return text
    cut = text[-limit:]
    _, newline, rest = cut.partition("\n")
    return rest if newline and rest else cut
