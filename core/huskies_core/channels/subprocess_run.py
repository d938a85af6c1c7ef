"""A program that is run to its end, or to the end of its time."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from huskies_core.channels.channel import STEP_SECS, trouble
from huskies_core.sanitize import one_line, tail

_MOST_READ = 4096


def run_to_end(
    command: Sequence[str],
    environ: Mapping[str, str],
    root: Path,
    *,
    given: bytes = b"",
    within: float = STEP_SECS,
    hint: str = "",
) -> None:
    """Runs `command` at `root`, with `given` on its stdin. `hint` is what helps where it cannot be run.

    Files, not pipes: one that reads nothing, or leaves something running that keeps its stderr, blocks nobody. What
    is not over `within` seconds is ended.
    """
    with TemporaryFile() as said, TemporaryFile() as read:
        read.write(given)
        read.seek(0)
        process = _started(command, environ, root, read, said, hint)
        code = _ended(process, within)
        words = _last_words(said)
    if code is None:
        raise trouble(f"{command[0]} took longer than {within:g} s and was ended")
    if code:
        raise trouble(f"{command[0]} exited with {code}{f': {words}' if words else ''}")


def _started(
    command: Sequence[str],
    environ: Mapping[str, str],
    root: Path,
    read: IO[bytes],
    said: IO[bytes],
    hint: str,
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            cwd=root,
            env=dict(environ),
            stdin=read,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
    except OSError as error:
        raise trouble(f"{command[0]} cannot be run: {error.strerror}", hint) from error


def _last_words(said: IO[bytes]) -> str:
    """The end of it: there is no telling how much it is."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - _MOST_READ))
    return one_line(tail(said.read().decode(errors="replace").strip(), 200))


def _ended(process: "subprocess.Popen[bytes]", within: float) -> int | None:
    """Its exit code; None when it took too long: all of its group are ended then."""
    try:
        return process.wait(within)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
