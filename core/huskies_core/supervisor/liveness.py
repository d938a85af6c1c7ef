"""Liveness of a run: a process has the flock of its `lock` file. The kernel releases it when the process dies."""

import fcntl
import os
import time
from collections.abc import Mapping

from huskies_core.supervisor.run_directory import RunDirectory

LOCK_FD_VARIABLE = "HUSKIES_RUN_LOCK_FD"
_PROBE_SECS = 1.0


def take_lock(directory: RunDirectory) -> int | None:
    """Lock the run and create its folder. Return the descriptor, or None when another process has the lock.

    The caller closes the descriptor. It must not use LOCK_UN: the shim inherits the descriptor and keeps the lock. If
    this process dies here, the lock is free again.
    """
    os.makedirs(directory.path, mode=0o700, exist_ok=True)
    descriptor = os.open(directory.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _PROBE_SECS
    while not _try_lock(descriptor, fcntl.LOCK_EX):
        # A probe shares the lock for some microseconds. Only an exclusive lock keeps us from sharing it, too.
        if not _try_lock(descriptor, fcntl.LOCK_SH) or time.monotonic() > deadline:
            os.close(descriptor)
            return None
    return descriptor


def is_alive(directory: RunDirectory) -> bool:
    """Return whether a process has the run's lock, from the claim to the recorded end. Never wait."""
    return is_locked(directory.lock)


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Return whether a process has the exclusive lock of the file. Never wait. A missing file is not locked."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def adopt_lock(directory: RunDirectory, environ: Mapping[str, str]) -> int | None:
    """Return the descriptor that the shim left to `advance` if it is this run's lock. Keep it from children."""
    number = environ.get(LOCK_FD_VARIABLE, "")
    if not number.isdecimal() or not _is_open_at(int(number), directory.lock):
        return None
    fcntl.fcntl(int(number), fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    return int(number)


def _is_open_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False


def _try_lock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
