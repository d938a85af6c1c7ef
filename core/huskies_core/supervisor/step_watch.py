"""Watch of a started step: its output from a pipe, and its exit status from the kernel."""

import os
import select
import time
from collections.abc import Callable

from huskies_core.supervisor.signals import Wakeup

_CHUNK = 1 << 16
_LAST_CHUNKS = 32


class StepWatch:
    """`status` is the main process's wait status once it has ended. Other children are reaped as well."""

    def __init__(self, pid: int, pipe: int, sink: Callable[[bytes], None], wakeup: Wakeup) -> None:
        self.status: int | None = None
        self.began = self.last_output = time.monotonic()
        self._pid = pid
        self._pipe = pipe
        self._at_end = False
        self._sink = sink
        self._wakeup = wakeup
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)
        self._poll.register(wakeup.descriptor, select.POLLIN)
        os.set_blocking(pipe, False)

    def wait(self, seconds: float) -> None:
        """Wait until there is output, a process ended, a signal came, or `seconds` have passed."""
        ready = dict(self._poll.poll(max(0.0, seconds) * 1000))
        if self._wakeup.descriptor in ready:
            self._wakeup.clear()
        if self._pipe in ready:
            self._read()
        self._reap()

    def read_rest(self) -> None:
        """Read the pipe, up to 2 MiB: a surviving process may keep it open and print without end."""
        for _ in range(_LAST_CHUNKS):
            if not self._read():
                return

    def close(self) -> None:
        os.close(self._pipe)

    def _read(self) -> bool:
        try:
            data = os.read(self._pipe, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            self.last_output = time.monotonic()
            self._sink(data)
        elif not self._at_end:
            self._poll.unregister(self._pipe)
            self._at_end = True
        return bool(data)

    def _reap(self) -> None:
        try:
            while (child := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                if child[0] == self._pid:
                    self.status = child[1]
        except ChildProcessError:
            return
