"""Who holds a file lock. Asked without touching it where the kernel tells: a probe, too, keeps others out."""

import contextlib
import fcntl
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from huskies_core.runs.processes import Process, find_process

_LOOK_MS = 50


def stays_held(path: Path, seconds: float) -> bool:
    """Whether somebody holds the lock whenever it is looked at for that long; returns as soon as nobody does."""
    deadline = time.monotonic() + seconds
    while is_held(path):
        if time.monotonic() > deadline:
            return True
        select.poll().poll(_LOOK_MS)
    return False


if sys.platform == "linux":

    def is_held(path: Path) -> bool:
        return find_holder(path) is not None

    def find_holder(path: Path) -> Process | None:
        """A process of this user that holds the lock."""
        try:
            wanted = path.stat()
        except FileNotFoundError:
            return None
        for pid in _lockers(wanted.st_ino):
            if _has_open(pid, wanted):
                return find_process(pid)
        return None

    def _lockers(inode: int) -> Iterator[int]:
        """By proc_locks(5); the numbers of devices there are not always those of stat(2)."""
        with open("/proc/locks", encoding="ascii") as file:
            rows = [line.split() for line in file]
        for row in rows:
            if row[1] == "FLOCK" and row[5].rpartition(":")[2] == str(inode):
                yield int(row[4])

    def _has_open(pid: int, wanted: os.stat_result) -> bool:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.path.samestat(os.stat(f"/proc/{pid}/fd/{name}"), wanted):
                        return True
        return False

else:

    def is_held(path: Path) -> bool:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def find_holder(path: Path) -> Process | None:
        """Nobody can be named here."""
        del path
        return None
