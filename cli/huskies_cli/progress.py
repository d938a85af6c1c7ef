"""A bar on a terminal for what may take long; nothing where nobody looks."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from huskies_cli import render
from huskies_cli.session import Session
from huskies_cli.streams import ReaderGone, is_screen, write_text
from huskies_core.progress import Progress, ignore_progress

EVERY_SECS = 0.1
_NAME, _BAR = 24, 30
_UNKNOWN = 80
"""Columns of a terminal that does not know them."""


@contextmanager
def shown(session: Session) -> Iterator[Progress]:
    """Meanwhile progress is shown on standard error, in its last line, which is empty again afterwards."""
    bar = Bar() if is_wanted(session) else None
    try:
        yield ignore_progress if bar is None else bar.show
    finally:
        if bar is not None:
            bar.end()


class Bar:
    """One line that is written over and over."""

    def __init__(self) -> None:
        self._at = ""
        self._next = 0.0
        self._line = ""

    def show(self, at: str, done: int, of: int) -> None:
        """What is new is drawn at once, as it may take long; of what goes on quickly only now and then a state."""
        now = time.monotonic()
        if at == self._at and now < self._next:
            return
        self._at, self._next = at, now + EVERY_SECS
        self._line = _drawn(at, done, of)
        self.redraw()

    def redraw(self) -> None:
        if self._line:
            _write(f"\r{self._line}\x1b[K")

    def hide(self) -> None:
        """For a line that is to stand there instead."""
        if self._line:
            _write("\r\x1b[K")

    def end(self) -> None:
        """Nothing of it is left, and nothing comes again."""
        self.hide()
        self._line = ""


def is_wanted(session: Session) -> bool:
    """Whether somebody looks at standard error, on a terminal that can do it, and has not asked for silence."""
    return is_screen(sys.stderr) and not (session.quiet or session.json)


def _drawn(at: str, done: int, of: int) -> str:
    """No wider than the terminal: of a line that goes on in the next one only the end would be written over."""
    columns = os.get_terminal_size(sys.stderr.fileno()).columns or _UNKNOWN
    figures = f"{done} of {of}" if of else f"{done or ''}"
    name = min(_NAME, max(columns - len(figures) - 2, 0))
    bar = min(_BAR, columns - name - len(figures) - 3) if of else 0
    told = render.rows([(render.Field(at, name),)])[0].ljust(name)
    return " ".join(part for part in (told, render.bar(done, of, bar) if bar > 0 else "", figures) if part)


def _write(text: str) -> None:
    with suppress(ReaderGone):
        write_text(sys.stderr, text)
