"""A file lock that another process holds."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.waiting import wait_for_file

HOLD = """
import fcntl, sys
with open(sys.argv[1], "a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    open(sys.argv[2], "w").write("held")
    sys.stdin.read()
"""


@contextmanager
def locked_elsewhere(lock: Path, ready: Path) -> Iterator[int]:
    """Yield the pid of the process that holds the lock; The process writes the file `ready`."""
    lock.parent.mkdir(exist_ok=True)
    argv = [sys.executable, "-c", HOLD, str(lock), str(ready)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        wait_for_file(ready)
        yield process.pid
        process.communicate()
