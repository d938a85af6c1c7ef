"""The processes of this machine, each named by pid and start: a later one of its number is another."""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

_LOOK_AGAIN_MS = 20


@dataclass(frozen=True)
class Process:
    """`started` is clock ticks since boot on Linux, unix seconds elsewhere: good for comparing only."""

    pid: int
    ppid: int
    started: float
    name: str


if sys.platform == "linux":

    def find_process(pid: int) -> Process | None:
        """The living process of that number; one that only waits to be reaped is none."""
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

    def list_processes() -> tuple[Process, ...]:
        found = (find_process(int(entry)) for entry in os.listdir("/proc") if entry.isdecimal())
        return tuple(process for process in found if process)

    def read_environment(process: Process) -> frozenset[bytes]:
        """`NAME=value` as the program was started with, of this user's processes; of others nothing."""
        try:
            if os.stat(f"/proc/{process.pid}").st_uid != os.getuid():
                return frozenset()
            with open(f"/proc/{process.pid}/environ", "rb") as file:
                return frozenset(file.read().split(b"\0"))
        except OSError:
            return frozenset()

    def _exit_descriptor(pid: int) -> int | None:
        try:
            return os.pidfd_open(pid)
        except OSError:
            return None

else:
    import psutil

    def find_process(pid: int) -> Process | None:
        """The living process of that number; one that only waits to be reaped is none."""
        try:
            return _described(psutil.Process(pid))
        except psutil.Error:
            return None

    def list_processes() -> tuple[Process, ...]:
        found = (find_process(pid) for pid in psutil.pids())
        return tuple(process for process in found if process)

    def read_environment(process: Process) -> frozenset[bytes]:
        """`NAME=value` as the program was started with, of this user's processes; of others nothing."""
        try:
            environ = psutil.Process(process.pid).environ()
        except (psutil.Error, OSError):
            return frozenset()
        return frozenset(
            f"{name}={value}".encode(errors="surrogateescape") for name, value in environ.items()
        )

    def _described(found: psutil.Process) -> Process | None:
        with found.oneshot():
            if found.status() == psutil.STATUS_ZOMBIE:
                return None
            return Process(found.pid, found.ppid(), found.create_time(), found.name())

    def _exit_descriptor(pid: int) -> int | None:
        del pid
        return None


def descendants(root: int, processes: Iterable[Process]) -> tuple[Process, ...]:
    """All of `processes` below `root`, itself not among them."""
    children: dict[int, list[Process]] = {}
    for process in processes:
        children.setdefault(process.ppid, []).append(process)
    found: list[Process] = []
    unseen = [root]
    while unseen:
        below = children.pop(unseen.pop(), [])
        found += below
        unseen += [process.pid for process in below]
    return tuple(found)


def is_running(process: Process) -> bool:
    now = find_process(process.pid)
    return now is not None and now.started == process.started


def send_signal(process: Process, signum: int) -> None:
    """Reaches that process or, when it is gone or another user's, nothing."""
    if is_running(process):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signum)


def send_termination(process: Process) -> None:
    """SIGTERM, and SIGCONT for one that is stopped: it would never see the first."""
    send_signal(process, signal.SIGTERM)
    send_signal(process, signal.SIGCONT)


def wait_for_exit(processes: Iterable[Process], seconds: float) -> bool:
    """Whether all have ended within `seconds`; returns as soon as they have."""
    deadline = time.monotonic() + seconds
    return all(_waited_for(process, deadline) for process in processes)


def _waited_for(process: Process, deadline: float) -> bool:
    descriptor = _exit_descriptor(process.pid)
    poll = select.poll()
    if descriptor is not None:
        poll.register(descriptor, select.POLLIN)
    try:
        while is_running(process):
            left = int((deadline - time.monotonic()) * 1000)
            if left <= 0:
                return False
            poll.poll(left if descriptor is not None else min(left, _LOOK_AGAIN_MS))
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return True


RUN_VARIABLE = "HUSKIES_RUN_ID"
_DIGITS = 19
"""A number of so many is no run's: the store holds none."""
PROJECT_VARIABLE = "HUSKIES_PROJECT"


def marked_processes(run_id: int, project: str) -> tuple[Process, ...]:
    """This user's living processes with the mark of that run of that project, the caller left out."""
    mark = {f"{RUN_VARIABLE}={run_id}".encode(), os.fsencode(f"{PROJECT_VARIABLE}={project}")}
    return tuple(
        process
        for process in list_processes()
        if process.pid != os.getpid() and mark <= read_environment(process)
    )


def marked_processes_by_run(project: str) -> Mapping[int, tuple[Process, ...]]:
    """This user's living processes with the mark of any run of that project, by run; the caller left out."""
    own, found = os.fsencode(f"{PROJECT_VARIABLE}={project}"), dict[int, tuple[Process, ...]]()
    for process in list_processes():
        environment = read_environment(process) if process.pid != os.getpid() else frozenset()
        run = _run_in(environment) if own in environment else None
        if run is not None:
            found[run] = (*found.get(run, ()), process)
    return found


def _run_in(environment: Iterable[bytes]) -> int | None:
    names = (entry.partition(b"=") for entry in environment)
    number = next((value for name, _, value in names if name == RUN_VARIABLE.encode()), b"")
    return int(number) if number.isdigit() and len(number) < _DIGITS else None


Find = Callable[[], Collection[Process]]
Pause = Callable[[Collection[Process], float], object]

GRACE_SECS = 2.0
_LAST_SECS = 0.7
_LOOK_SECS = 0.05


def end_processes(find: Find, pause: Pause, *, grace: float = GRACE_SECS) -> tuple[Process, ...]:
    """Ends what `find` finds, again and again as some fork while they die; returns who is left in the end.

    That is after `grace` + 0.7 s. `pause(processes, seconds)` waits at most so long for their end, and does
    what its caller must not let lie.
    """
    told: set[Process] = set()
    found = find()
    deadline = time.monotonic() + grace
    while found and time.monotonic() < deadline:
        for process in set(found) - told:
            send_termination(process)
        told.update(found)
        pause(found, _LOOK_SECS)
        found = find()
    deadline = time.monotonic() + _LAST_SECS
    while found and time.monotonic() < deadline:
        for process in found:
            send_signal(process, signal.SIGKILL)
        pause(found, _LOOK_SECS)
        found = find()
    return tuple(found)
