"""Who holds a file lock. Asked without touching it where the kernel tells: a probe, too, keeps others out."""

import contextlib
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from huskies_core.supervisor.liveness import is_locked
from huskies_core.supervisor.processes import Process, find_process

_LOOK_MS = 50


def stays_locked(path: Path, seconds: float) -> bool:
    """Whether somebody holds the lock whenever it is looked at for that long; returns as soon as nobody does."""
    deadline = time.monotonic() + seconds
    while is_lock_held(path):
        if time.monotonic() > deadline:
            return True
        select.poll().poll(_LOOK_MS)
    return False


if sys.platform == "linux":

    def is_lock_held(path: Path) -> bool:
        return any(_holders(path))

    def find_holder(path: Path) -> Process | None:
        """The process that holds the lock; None where nobody does, or only who cannot be told."""
        found = (find_process(pid) for pid in _holders(path) if pid > 0)
        return next((process for process in found if process is not None), None)

    def _holders(path: Path) -> Iterator[int]:
        """By proc_locks(5), whose device is not always that of stat(2): then the holder's own files tell, where they
        may be looked at. In another pid namespace it has the number -1."""
        try:
            wanted = path.stat()
        except FileNotFoundError:
            return
        device = f"{os.major(wanted.st_dev):02x}:{os.minor(wanted.st_dev):02x}"
        with open("/proc/locks", encoding="ascii") as file:
            rows = [line.split() for line in file]
        for row in rows:
            place, _, inode = row[5].rpartition(":")
            same = inode == str(wanted.st_ino) and row[1] == "FLOCK"
            if same and (place == device or _has_open(int(row[4]), wanted)):
                yield int(row[4])

    def _has_open(pid: int, wanted: os.stat_result) -> bool:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.path.samestat(os.stat(f"/proc/{pid}/fd/{name}"), wanted):
                        return True
        return False

else:

    def is_lock_held(path: Path) -> bool:
        return is_locked(path)

    def find_holder(path: Path) -> Process | None:
        """Nobody can be named here."""
        del path
        return None
