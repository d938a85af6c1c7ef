"""Holders of a file lock. On Linux the kernel lists them, because a probe of the lock keeps others out."""

import contextlib
import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from huskies_core.supervisor.liveness import is_locked
from huskies_core.supervisor.processes import Process, find_process

_POLL_MS = 50


def stays_locked(path: Path, seconds: float) -> bool:
    """Return True if the lock is never found free for `seconds`, and False as soon as it is free."""
    deadline = time.monotonic() + seconds
    while is_lock_held(path):
        if time.monotonic() > deadline:
            return True
        select.poll().poll(_POLL_MS)
    return False


if sys.platform == "linux":

    def is_lock_held(path: Path) -> bool:
        return any(_holder_pids(path))

    def find_holder(path: Path) -> Process | None:
        """Return the process that holds the lock, or None when no visible process does."""
        processes = (find_process(pid) for pid in _holder_pids(path) if pid > 0)
        return next((process for process in processes if process is not None), None)

    def _holder_pids(path: Path) -> Iterator[int]:
        """Yield pids from proc_locks(5), -1 for a process in another pid namespace.

        The device there is not always the one of stat(2). Then the open files of the process decide, if readable.
        """
        try:
            stat = path.stat()
        except FileNotFoundError:
            return
        device = f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}"
        with open("/proc/locks", encoding="ascii") as file:
            rows = [line.split() for line in file]
        for row in rows:
            row_device, _, inode = row[5].rpartition(":")
            same_inode = inode == str(stat.st_ino) and row[1] == "FLOCK"
            if same_inode and (row_device == device or _has_open(int(row[4]), stat)):
                yield int(row[4])

    def _has_open(pid: int, stat: os.stat_result) -> bool:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.path.samestat(os.stat(f"/proc/{pid}/fd/{name}"), stat):
                        return True
        return False

else:

    def is_lock_held(path: Path) -> bool:
        return is_locked(path)

    def find_holder(path: Path) -> Process | None:
        """Return None: this system does not list holders."""
        del path
        return None
