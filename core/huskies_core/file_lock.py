"""Exclusive lock on a file, between all processes of this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huskies_core.errors import LockBusy


@contextmanager
def file_locked(path: Path, *, wait: float, busy: LockBusy, poll_secs: float = 0.05) -> Iterator[None]:
    """Hold the lock on `path`. Raise `busy` if another process has it for `wait` seconds. Not reentrant.

    The kernel releases the lock when the process dies.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=wait, poll_interval=poll_secs, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise busy from error
    try:
        yield
    finally:
        lock.release()
