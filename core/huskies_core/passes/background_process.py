"""What takes longer than a moment goes on in a process of its own, which holds the lock that was taken for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.sanitize import one_line, tail
from huskies_core.supervisor.liveness import LOCK_FD_VARIABLE, adopt_lock
from huskies_core.supervisor.run_directory import RunDirectory

_IN_BACKGROUND = '"$@" &'
"""Lets the new process be nobody's child: it outlives a watch and leaves no zombie to one."""


def start_detached(context: Context, directory: RunDirectory, lock: int, *command: str) -> None:
    """Starts a command of this program and does not wait for it; what it prints is kept in `directory`. Raises OSError
    when no process can be started."""
    argv = (sys.executable, "-P", "-m", "huskies_cli.main", *command)
    with open(directory.output, "ab") as log:
        subprocess.run(
            ["/bin/sh", "-c", _IN_BACKGROUND, "sh", *argv],
            cwd=context.project.root,
            env={**context.environ, LOCK_FD_VARIABLE: str(lock)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock,),
        )


@contextmanager
def adopted(context: Context, directory: RunDirectory, refusal: HuskiesError) -> Iterator[None]:
    """Meanwhile the lock is held that `start_detached` left to this process. Raises `refusal` where it left none."""
    lock = adopt_lock(directory, context.environ)
    if lock is None:
        raise refusal
    try:
        yield
    finally:
        os.close(lock)


def last_words(directory: RunDirectory) -> str:
    """The end of what such a process printed, on one line; empty where nothing of it is left."""
    try:
        with open(directory.output, errors="replace") as log:
            return one_line(tail(log.read().strip(), 200))
    except FileNotFoundError:
        return ""
