"""A program on a pseudo-terminal."""

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

ON_A_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execvp(sys.argv[1], sys.argv[1:])\n"
)
LINES, COLUMNS = 50, 200


def set_size(terminal: int, lines: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Terminal:
    """A context manager; the end of the block ends the program."""

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self._ours, theirs = os.openpty()
        set_size(theirs, LINES, COLUMNS)
        self._program = subprocess.Popen(
            [sys.executable, "-c", ON_A_TERMINAL, *argv],
            cwd=cwd,
            env=os.environ | {"TERM": "xterm"} | dict(env),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._read = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._program.kill()
        self._program.wait(30)
        os.close(self._ours)

    @property
    def pid(self) -> int:
        return self._program.pid

    def send(self, number: int) -> None:
        """Send a signal to the program itself."""
        self._program.send_signal(number)

    def wait_for_end(self, timeout: float = 30) -> int:
        """Return the exit code of the program."""
        return self._program.wait(timeout)

    def status(self) -> str:
        """Return the status as psutil names it, or `ended` after the process was reaped."""
        return "ended" if self._program.returncode is not None else psutil.Process(self._program.pid).status()

    def mode(self) -> list[Any]:
        """Return the settings of the terminal, see tcgetattr(3)."""
        return termios.tcgetattr(self._ours)

    def resize(self, lines: int, columns: int) -> None:
        set_size(self._ours, lines, columns)

    def forget_size(self) -> None:
        """Set the size to 0, as that of a serial line."""
        set_size(self._ours, 0, 0)

    def cook(self) -> None:
        """Restore line mode and echo, as a shell does."""
        mode = self.mode()
        mode[3] |= termios.ICANON | termios.ECHO
        termios.tcsetattr(self._ours, termios.TCSANOW, mode)

    def hang_up(self) -> None:
        """Close the terminal of the program. No more output can be read."""
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), self._ours)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def read_to_end(self, timeout: float = 30) -> str:
        """Return the output since the last call, until the program and its children have ended."""
        end = time.monotonic() + timeout
        while True:
            ready, _, _ = select.select([self._ours], [], [], max(end - time.monotonic(), 0))
            assert ready, f"waited {timeout} s in vain for the end of {self._read!r}"
            try:
                piece = os.read(self._ours, 65536)
            except OSError:
                piece = b""  # Linux reports the end this way; BSD reports an empty read
            if not piece:
                return self._read
            self._read += piece.decode(errors="replace")

    def read_until(self, mark: str, timeout: float = 30) -> str:
        """Return the output since the last call, up to the end of `mark`. Fail the test if `mark` does not come."""
        end = time.monotonic() + timeout
        while mark not in self._read:
            ready, _, _ = select.select([self._ours], [], [], max(end - time.monotonic(), 0))
            assert ready, f"waited {timeout} s in vain for {mark!r} in {self._read!r}"
            self._read += os.read(self._ours, 65536).decode(errors="replace")
        shown, _, self._read = self._read.partition(mark)
        return shown + mark
