"""A started step seen through its pipe and the kernel: what it prints, and whether it has ended."""

import os
import select
import time
from collections.abc import Callable

from huskies_core.supervisor.signals import Wakeup

_CHUNK = 1 << 16
_CHUNKS_AT_THE_END = 32


class Watch:
    """`status` is the main process's wait status once it ended; all others are reaped on the way."""

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
        """Until something was printed, a process ended, a signal came, or so many seconds have passed."""
        ready = dict(self._poll.poll(max(0.0, seconds) * 1000))
        if self._wakeup.descriptor in ready:
            self._wakeup.clear()
        if self._pipe in ready:
            self._read()
        self._reap()

    def read_rest(self) -> None:
        """What lies in the pipe. Not to its end: somebody left behind may hold it open and print for ever."""
        for _ in range(_CHUNKS_AT_THE_END):
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
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                if ended[0] == self._pid:
                    self.status = ended[1]
        except ChildProcessError:
            return
