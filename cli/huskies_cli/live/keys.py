"""Parse the bytes that a terminal sends for keys (xterm's control sequences, ECMA-48)."""

import re
from enum import StrEnum


class Key(StrEnum):
    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    HOME = "home"
    END = "end"
    ENTER = "enter"
    ESCAPE = "escape"
    BACKSPACE = "backspace"
    INTERRUPT = "interrupt"
    SUSPEND = "suspend"
    REDRAW = "redraw"


Press = Key | str
"""A named key, or the character of any other key."""

_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|O[@-~])")
_TORN = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*|O)?$")
_SEQUENCES = {
    **dict.fromkeys(("\x1b[A", "\x1bOA"), Key.UP),
    **dict.fromkeys(("\x1b[B", "\x1bOB"), Key.DOWN),
    **dict.fromkeys(("\x1b[C", "\x1bOC"), Key.RIGHT),
    **dict.fromkeys(("\x1b[D", "\x1bOD"), Key.LEFT),
    **dict.fromkeys(("\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"), Key.HOME),
    **dict.fromkeys(("\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"), Key.END),
    "\x1b[5~": Key.PAGE_UP,
    "\x1b[6~": Key.PAGE_DOWN,
}
_CHARACTERS = {
    **dict.fromkeys("\r\n", Key.ENTER),
    **dict.fromkeys("\x7f\x08", Key.BACKSPACE),
    "\x1b": Key.ESCAPE,
    "\x03": Key.INTERRUPT,
    "\x1a": Key.SUSPEND,
    "\x0c": Key.REDRAW,
}


_FAR = 1_000_000
"""More lines than a page has."""


def is_torn(typed: bytes) -> bool:
    """Return whether the bytes end within a control sequence. The key Escape alone looks like its beginning."""
    return _TORN.search(typed) is not None


def scroll_step(press: Press, height: int) -> int:
    """Return the number of lines by which a key scrolls a page down, or 0. `height` is that of the screen."""
    page = max(height - 1, 1)
    steps = {Key.PAGE_UP: -page, Key.PAGE_DOWN: page, " ": page, Key.HOME: -_FAR, Key.END: _FAR}
    return {Key.UP: -1, Key.DOWN: 1, "k": -1, "j": 1, **steps}.get(press, 0)


def presses(typed: bytes) -> list[Press]:
    """Return the keys in order, without unknown control sequences and control characters."""
    text, keys = typed.decode(errors="ignore"), list[Press]()
    while text:
        sequence = _SEQUENCE.match(text)
        piece = sequence[0] if sequence else text[0]
        text = text[len(piece) :]
        key = _SEQUENCES.get(piece) if sequence else _CHARACTERS.get(piece)
        if key is not None:
            keys.append(key)
        elif not sequence and piece.isprintable():
            keys.append(piece)
    return keys
