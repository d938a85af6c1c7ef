"""A terminal used as a whole screen: it reads keys, draws the lines that changed, and is restored at the end."""

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Self

from huskies_cli.live.keys import Key, Press, is_torn, presses
from huskies_cli.streams import ReaderClosed, is_screen, write_text

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
"""Switch to the alternate screen without cursor and line wrapping, and clear it."""
_LEAVE = "\x1b[0m\x1b[2J\x1b[H\x1b[?7h\x1b[?25h\x1b[?1049l"
"""Clear the screen first: a terminal without an alternate screen would keep the board under the prompt."""
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""Synchronized output: a terminal that supports it draws the text between them at once; others ignore them."""
_READ_BYTES = 4096
_TORN_SECS = 0.05
"""The longest wait for the rest of a control sequence."""
_UNKNOWN = (80, 24)
"""Columns and lines of a terminal that does not know its size, such as one on a serial line."""


def is_usable() -> bool:
    """Return whether stdin and stdout are a terminal, and this process is in its foreground.

    The kernel stops a background process that uses its terminal.
    """
    if not (is_screen(sys.stdin) and is_screen(sys.stdout)):
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # the terminal of another session
        return False


@contextmanager
def _interrupt_without_terminal() -> Iterator[None]:
    """Raise KeyboardInterrupt if the terminal no longer exists."""
    try:
        yield
    except (OSError, termios.error, ReaderClosed) as error:
        raise KeyboardInterrupt from error


class Terminal:
    """A context manager that restores the terminal however the block ends.

    Ctrl-C and Ctrl-Z arrive as keys, so that they do not signal the git processes of the passes. Each method that uses
    the terminal raises KeyboardInterrupt if it no longer exists.
    """

    def __init__(self) -> None:
        self._input, self._output = sys.stdin.fileno(), sys.stdout
        self._before = termios.tcgetattr(self._input)
        self._wake, self._waker = os.pipe()
        self._shown: list[str] = []
        self._at_end = ExitStack()
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)
            self._at_end.callback(os.close, end)

    def __enter__(self) -> Self:
        """Let a resize and a continuation end the wait for a key: Python writes their signal numbers to the pipe."""
        self._at_end.callback(
            signal.set_wakeup_fd, signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        )
        for number in (signal.SIGWINCH, signal.SIGCONT):
            self._at_end.callback(signal.signal, number, signal.signal(number, lambda *_: None))
        self._acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        self._at_end.close()

    @_interrupt_without_terminal()
    def size(self) -> tuple[int, int]:
        """Return columns and lines."""
        size = os.get_terminal_size(self._output.fileno())
        return size.columns or _UNKNOWN[0], size.lines or _UNKNOWN[1]

    def show(self, lines: Sequence[str]) -> None:
        """Draw the lines that differ from those on the screen."""
        _, height = self.size()
        shown = [*lines[:height], *[""] * (height - len(lines))]
        before = self._shown if len(self._shown) == height else [None] * height
        # Clear the line before its text: after a full line the cursor is on its last character.
        text = "".join(
            f"\x1b[{number};1H\x1b[2K{new}\x1b[0m"
            for number, (old, new) in enumerate(zip(before, shown, strict=True), start=1)
            if old != new
        )
        self._shown = shown
        if text:
            self._write(f"{_BEGIN}{text}{_END}")

    def forget(self) -> None:
        """Clear the screen, so that the next `show` draws all lines."""
        self._shown = []
        self._write("\x1b[2J")

    def pressed(self, timeout: float) -> list[Press]:
        """Return the keys that are pressed within `timeout` seconds, and `Key.REDRAW` after a resize.

        If the process was stopped and continues, acquire the terminal again.
        """
        ready, _, _ = select.select([self._input, self._wake], [], [], timeout)
        keys: list[Press] = []
        if self._wake in ready:
            if signal.SIGCONT in os.read(self._wake, _READ_BYTES):
                self._acquire()
            keys.append(Key.REDRAW)
        if self._input in ready:
            typed = self._read()
            while is_torn(typed) and select.select([self._input], [], [], _TORN_SECS)[0]:
                typed += self._read()
            keys.extend(presses(typed))
        return keys

    def suspend(self) -> None:
        """Stop this process, as Ctrl-Z does, and return when it continues."""
        self._restore()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._acquire()
        self.forget()

    @_interrupt_without_terminal()
    def _read(self) -> bytes:
        typed = os.read(self._input, _READ_BYTES)
        if not typed:
            raise KeyboardInterrupt
        return typed

    @_interrupt_without_terminal()
    def _acquire(self) -> None:
        tty.setraw(self._input, termios.TCSADRAIN)
        self._write(_ENTER)

    def _restore(self) -> None:
        """Restore the terminal if it still exists."""
        with suppress(KeyboardInterrupt, termios.error):
            termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)
            self._write(_LEAVE)

    @_interrupt_without_terminal()
    def _write(self, text: str) -> None:
        write_text(self._output, text)
