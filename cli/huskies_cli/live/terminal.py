"""A terminal as a whole screen: keys as they are pressed, lines where they changed, and all as it was afterwards."""

import os
import select
import signal
import sys
import termios
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Self

from huskies_cli.live.keys import Key, Press, is_torn, presses
from huskies_cli.streams import ReaderGone, is_screen, write_text

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
"""The other screen, no cursor, no wrapping of long lines, empty."""
_LEAVE = "\x1b[0m\x1b[2J\x1b[H\x1b[?7h\x1b[?25h\x1b[?1049l"
"""Emptied: a terminal without another screen would keep the board under the prompt."""
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""A terminal that knows these shows what is between them at once; others ignore them."""
_READ_BYTES = 4096
_TORN_SECS = 0.05
"""How long the rest of a sequence is waited for."""
_UNKNOWN = (80, 24)
"""What a terminal has that does not know its size, such as one on a serial line."""
_RESIZED, _CONTINUED = b"w", b"c"


def is_usable() -> bool:
    """Whether there is a terminal to type at and one to draw on, and it is ours: what a shell runs in the background
    is stopped when it touches either."""
    return is_screen(sys.stdin) and is_screen(sys.stdout) and _is_in_front()


def _is_in_front() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False  # a terminal that is not the one of our session


class Terminal:
    """Used with `with`: however the block ends, the terminal is as it was.

    Ctrl-C and Ctrl-Z come as keys: the git that a pass runs is not to be hit by either.
    """

    def __init__(self) -> None:
        self._input, self._output = sys.stdin.fileno(), sys.stdout
        self._before = termios.tcgetattr(self._input)
        self._wake, self._waker = os.pipe()
        self._shown: list[str] = []
        os.set_blocking(self._wake, False)
        os.set_blocking(self._waker, False)

    def __enter__(self) -> Self:
        self._resized = signal.signal(signal.SIGWINCH, self._note_signal)
        self._continued = signal.signal(signal.SIGCONT, self._note_signal)
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGWINCH, self._resized)
        signal.signal(signal.SIGCONT, self._continued)
        self._give_back()
        os.close(self._wake)
        os.close(self._waker)

    def size(self) -> tuple[int, int]:
        """Columns and lines. Raises KeyboardInterrupt when the terminal is gone."""
        try:
            found = os.get_terminal_size(self._output.fileno())
        except OSError as error:
            raise KeyboardInterrupt from error
        return found.columns or _UNKNOWN[0], found.lines or _UNKNOWN[1]

    def show(self, lines: Sequence[str]) -> None:
        """Draws the lines that differ from what is on the screen; nothing when none does."""
        _, height = self.size()
        wanted = [*lines[:height], *[""] * (height - len(lines))]
        known = self._shown if len(self._shown) == height else [None] * height
        # Emptied first: afterwards the cursor may stand on the last character of a line that fills the screen.
        changes = (
            f"\x1b[{number};1H\x1b[2K{new}\x1b[0m"
            for number, (old, new) in enumerate(zip(known, wanted, strict=True), start=1)
            if old != new
        )
        text = "".join(changes)
        self._shown = wanted
        if text:
            self._write(f"{_BEGIN}{text}{_END}")

    def forget(self) -> None:
        """What is on the screen is not known any more: the next `show` draws all of it."""
        self._shown = []
        self._write("\x1b[2J")

    def pressed(self, timeout: float) -> list[Press]:
        """What was pressed by now, or is within `timeout` seconds; a resize is a wish to draw anew. Whoever stopped
        this process, the terminal is taken again when it goes on.

        Raises KeyboardInterrupt when the terminal is gone.
        """
        ready, _, _ = select.select([self._input, self._wake], [], [], timeout)
        found: list[Press] = []
        if self._wake in ready:
            if _CONTINUED in os.read(self._wake, _READ_BYTES):
                self._take()
            found.append(Key.REDRAW)
        if self._input in ready:
            found.extend(presses(self._typed()))
        return found

    def suspend(self) -> None:
        """Stops this process, as Ctrl-Z does, and comes back when it is told to go on."""
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._take()
        self.forget()

    def _typed(self) -> bytes:
        typed = self._read()
        while is_torn(typed) and select.select([self._input], [], [], _TORN_SECS)[0]:
            typed += self._read()
        return typed

    def _read(self) -> bytes:
        try:
            typed = os.read(self._input, _READ_BYTES)
        except OSError as error:
            raise KeyboardInterrupt from error
        if not typed:
            raise KeyboardInterrupt
        return typed

    def _take(self) -> None:
        """Raises KeyboardInterrupt when the terminal is gone."""
        try:
            mode = termios.tcgetattr(self._input)
            mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
            mode[0] &= ~(termios.IXON | termios.ICRNL)
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._input, termios.TCSADRAIN, mode)
        except termios.error as error:
            raise KeyboardInterrupt from error
        self._write(_ENTER)

    def _give_back(self) -> None:
        """A terminal that is gone is past caring."""
        with suppress(KeyboardInterrupt, termios.error):
            termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)
            self._write(_LEAVE)

    def _write(self, text: str) -> None:
        """Raises KeyboardInterrupt when the terminal is gone."""
        try:
            write_text(self._output, text)
        except (ReaderGone, OSError) as error:
            raise KeyboardInterrupt from error

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        """The wait for a key ends. A full pipe has woken it already."""
        try:
            os.write(self._waker, _CONTINUED if number == signal.SIGCONT else _RESIZED)
        except BlockingIOError:
            return
