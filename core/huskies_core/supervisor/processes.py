"""Processes of this machine: find them by pid, by parent, by a run's mark or by a lock that they hold, and end them.

A process is identified by pid and start time, because the kernel reuses pids. The mark of a run is two variables in
the environment of every process that the run started, unless the process cleared them. On Linux the kernel lists the
holders of a lock, because a probe of the lock keeps others out.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from huskies_core.ids import RunId
from huskies_core.waiting import wait_until

RUN_VARIABLE = "HUSKIES_RUN_ID"
PROJECT_VARIABLE = "HUSKIES_PROJECT"
GRACE_SECS = 2.0
_SIGKILL_SECS = 0.7
_POLL_SECS = 0.05
_MOST_DIGITS = 18
"""Digits of the longest run number that the store accepts."""


@dataclass(frozen=True)
class Process:
    """A process. `started` counts clock ticks since boot on Linux, and unix seconds elsewhere: only compare it."""

    pid: int
    ppid: int
    started: float
    name: str


if sys.platform == "linux":

    def find_process(pid: int) -> Process | None:
        """Return the living process of that number. A zombie does not count."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                stat = file.read()
        except OSError:
            return None
        name, _, rest = stat.partition(b" (")[2].rpartition(b") ")
        fields = rest.split()
        if fields[0] in b"ZX":
            return None
        return Process(pid, int(fields[1]), float(fields[19]), name.decode(errors="replace"))

    def _list_pids() -> Iterable[int]:
        return (int(entry) for entry in os.listdir("/proc") if entry.isdecimal())

    def read_environment(process: Process) -> frozenset[bytes]:
        """Return the `NAME=value` entries from the program's start; none for another user's process."""
        try:
            if os.stat(f"/proc/{process.pid}").st_uid != os.getuid():
                return frozenset()
            with open(f"/proc/{process.pid}/environ", "rb") as file:
                return frozenset(file.read().split(b"\0"))
        except OSError:
            return frozenset()

    def _holder_pids(path: str | os.PathLike[str]) -> Iterator[int]:
        """Yield pids from proc_locks(5), -1 for a process in another pid namespace.

        The device there is not always the one of stat(2). Then the open files of the process decide, if readable.
        """
        try:
            stat = os.stat(path)
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
    import psutil

    from huskies_core.supervisor.run_directory import is_locked

    def find_process(pid: int) -> Process | None:
        """Return the living process of that number. A zombie does not count."""
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                if process.status() == psutil.STATUS_ZOMBIE:
                    return None
                return Process(pid, process.ppid(), process.create_time(), process.name())
        except psutil.Error:
            return None

    def _list_pids() -> Iterable[int]:
        return psutil.pids()

    def read_environment(process: Process) -> frozenset[bytes]:
        """Return the `NAME=value` entries from the program's start; none for another user's process."""
        try:
            environ = psutil.Process(process.pid).environ()
        except (psutil.Error, OSError):
            return frozenset()
        return frozenset(
            f"{name}={value}".encode(errors="surrogateescape") for name, value in environ.items()
        )

    def _holder_pids(path: str | os.PathLike[str]) -> Iterator[int]:
        """Yield -1 for an unknown process if the lock is held: this system does not list holders."""
        if is_locked(path):
            yield -1


def is_lock_held(path: str | os.PathLike[str]) -> bool:
    return any(_holder_pids(path))


def find_holder(path: str | os.PathLike[str]) -> Process | None:
    """Return the process that holds the lock, or None when no visible process does."""
    pids = (pid for pid in _holder_pids(path) if pid > 0)
    return next(filter(None, map(find_process, pids)), None)


def list_processes() -> tuple[Process, ...]:
    return tuple(filter(None, map(find_process, _list_pids())))


def descendants(root: int) -> tuple[Process, ...]:
    """Return the living processes below `root`, without `root`."""
    children: dict[int, list[Process]] = {}
    for process in list_processes():
        children.setdefault(process.ppid, []).append(process)
    below: list[Process] = []
    pids = [root]
    while pids:
        next_children = children.pop(pids.pop(), [])
        below += next_children
        pids += [process.pid for process in next_children]
    return tuple(below)


def marked_processes(run_id: int, project: str) -> tuple[Process, ...]:
    """Return this user's living processes with the mark of that run of that project, except the caller."""
    return marked_processes_by_run(project).get(RunId(run_id), ())


def marked_processes_by_run(project: str) -> Mapping[RunId, tuple[Process, ...]]:
    """Return this user's living processes with the mark of any run of that project, except the caller."""
    mark = os.fsencode(f"{PROJECT_VARIABLE}={project}")
    by_run: dict[RunId, tuple[Process, ...]] = {}
    for process in list_processes():
        environment = read_environment(process) if process.pid != os.getpid() else frozenset()
        run = _find_run(environment) if mark in environment else None
        if run is not None:
            by_run[run] = (*by_run.get(run, ()), process)
    return by_run


def _find_run(environment: Iterable[bytes]) -> RunId | None:
    entries = (entry.partition(b"=") for entry in environment)
    number = next((value for name, _, value in entries if name == RUN_VARIABLE.encode()), b"")
    return RunId(int(number)) if number.isdigit() and len(number) <= _MOST_DIGITS else None


def is_running(process: Process) -> bool:
    current = find_process(process.pid)
    return current is not None and current.started == process.started


def send_signal(process: Process, signum: int) -> None:
    """Send the signal if the process still exists and belongs to this user."""
    if is_running(process):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signum)


def send_termination(process: Process) -> None:
    """Send SIGTERM, and SIGCONT because a stopped process would never handle it."""
    send_signal(process, signal.SIGTERM)
    send_signal(process, signal.SIGCONT)


def wait_for_exit(processes: Collection[Process], seconds: float) -> bool:
    """Return True as soon as all processes have ended, or False after `seconds`."""
    return wait_until(lambda: not any(map(is_running, processes)), seconds)


def end_processes(
    find: Callable[[], Collection[Process]],
    pause: Callable[[Collection[Process], float], object] = wait_for_exit,
    *,
    grace: float = GRACE_SECS,
) -> tuple[Process, ...]:
    """End the processes that `find` returns: SIGTERM, then SIGKILL after `grace` seconds. Return the survivors.

    `find` is called again and again, because processes fork while they die. It takes at most `grace` + 0.7 s.
    `pause(processes, seconds)` waits that long at most for their end; the caller can do other work in it.
    """
    terminated: set[Process] = set()
    processes = find()
    deadline = time.monotonic() + grace
    while processes and time.monotonic() < deadline:
        for process in set(processes) - terminated:
            send_termination(process)
        terminated.update(processes)
        pause(processes, _POLL_SECS)
        processes = find()
    deadline = time.monotonic() + _SIGKILL_SECS
    while processes and time.monotonic() < deadline:
        for process in processes:
            send_signal(process, signal.SIGKILL)
        pause(processes, _POLL_SECS)
        processes = find()
    return tuple(processes)


def stays_locked(path: str | os.PathLike[str], seconds: float) -> bool:
    """Return True if the lock is never found free for `seconds`, and False as soon as it is free."""
    return not wait_until(lambda: not is_lock_held(path), seconds)
