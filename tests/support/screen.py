"""A program on an emulated terminal, and the text on its screen."""

import os
import select
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil
import pyte

from support.terminal import COLUMNS, LINES, Terminal


class Screen(Terminal):
    """`lines` is the present text, `raw` all output. `is_back` is set after a program has left the alternate
    screen."""

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self.is_back = False
        super().__init__(argv, cwd, {"TERM": "xterm-256color", **env})

    @property
    def lines(self) -> list[str]:
        self._take(0)
        return [line.rstrip() for line in self._screen.display]

    @property
    def is_cursor_hidden(self) -> bool:
        self._take(0)
        return bool(self._screen.cursor.hidden)

    def wait_for_end(self, timeout: float = 30) -> int:
        """Return the exit code of the program. Read its output until then, because a full terminal blocks it."""
        end = time.monotonic() + timeout
        while self.status() not in (psutil.STATUS_ZOMBIE, "ended") and time.monotonic() < end:
            self._take(0.05)
        code = super().wait_for_end(5)
        self._take(0)
        return code

    def listen(self, secs: float) -> None:
        """Read the output that comes within that time."""
        end = time.monotonic() + secs
        while (left := end - time.monotonic()) > 0:
            self._take(left)

    def settled(self, quiet: float = 1.5) -> int:
        """Return the number of bytes so far, after as many seconds without output."""
        before = -1
        while before != len(self.raw):
            before = len(self.raw)
            self._take(quiet)
        return before

    def resize(self, lines: int, columns: int) -> None:
        self._screen.resize(lines, columns)
        super().resize(lines, columns)

    def wait_for(self, is_so: Callable[[list[str]], object], timeout: float = 30) -> list[str]:
        """Return the lines as soon as the condition holds. Fail the test if it never does."""
        end = time.monotonic() + timeout
        while not is_so(lines := self.lines):
            assert time.monotonic() < end, "\n".join(lines)
            self._take(min(0.5, max(end - time.monotonic(), 0)))
        return lines

    def wait_for_text(self, text: str, timeout: float = 30) -> list[str]:
        return self.wait_for(lambda lines: any(text in line for line in lines), timeout)

    def _note_change(self, piece: bytes) -> None:
        """Note the switch to the other screen: the emulator has only one."""
        entered, left = piece.rfind(b"\x1b[?1049h"), piece.rfind(b"\x1b[?1049l")
        if max(entered, left) >= 0:
            self.is_back = left > entered

    def _take(self, timeout: float) -> None:
        while select.select([self._ours], [], [], timeout)[0]:
            try:
                piece = os.read(self._ours, 65536)
            except OSError:
                return
            self.raw += piece
            self._note_change(piece)
            self._stream.feed(piece)
            timeout = 0
