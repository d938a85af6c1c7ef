"""Whether a run lives: somebody holds the flock of its `lock` file. The kernel frees it when they die."""

import fcntl
import os
import time
from collections.abc import Mapping

from huskies_core.supervisor.run_directory import RunDirectory

LOCK_FD_VARIABLE = "HUSKIES_RUN_LOCK_FD"
_PROBES_PASS_SECS = 1.0


def take_lock(directory: RunDirectory) -> int | None:
    """Locks the run, making its folder; None when somebody holds it. The caller closes the descriptor.

    Closing, not LOCK_UN, is how to let go: a descriptor handed on to the shim keeps the lock. Dies the
    process here, the lock is free again.
    """
    os.makedirs(directory.path, mode=0o700, exist_ok=True)
    descriptor = os.open(directory.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _PROBES_PASS_SECS
    while not _locked(descriptor, fcntl.LOCK_EX):
        # A probe shares the lock for some microseconds: only who keeps even sharers out holds it.
        if not _locked(descriptor, fcntl.LOCK_SH) or time.monotonic() > deadline:
            os.close(descriptor)
            return None
    return descriptor


def is_alive(directory: RunDirectory) -> bool:
    """Whether anybody holds the run, from claim to recorded end. Never waits; no lock file means dead."""
    return is_locked(directory.lock)


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Whether anybody keeps even sharers out of a lock file. Never waits; a file that is not there nobody holds."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def adopt_lock(directory: RunDirectory, environ: Mapping[str, str]) -> int | None:
    """The descriptor that the shim left to `advance`, if it is this run's lock; no child will get it."""
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


def _locked(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
