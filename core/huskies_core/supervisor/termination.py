"""Ending processes that may not want to end: SIGTERM, a while to obey, SIGKILL, a look whether it worked."""

import signal
import time
from collections.abc import Callable, Collection

from huskies_core.supervisor.processes import Process, send_signal, send_termination

Find = Callable[[], Collection[Process]]
Pause = Callable[[Collection[Process], float], object]

GRACE_SECS = 2.0
_LAST_SECS = 0.7
_LOOK_SECS = 0.05


def end_all(find: Find, pause: Pause, *, grace: float = GRACE_SECS) -> tuple[Process, ...]:
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
