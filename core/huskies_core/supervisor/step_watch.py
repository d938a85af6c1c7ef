"""Watch of a started step: its output from a pipe, its exit status from the kernel, and signals to the supervisor."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable

_CHUNK = 1 << 16
_LAST_CHUNKS = 32
_IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGUSR1, signal.SIGUSR2)


class Wakeup:
    """Makes `descriptor` readable on SIGTERM and SIGCHLD. A process has only one."""

    def __init__(self) -> None:
        self.descriptor, self._write_end = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._write_end, False)
        self.stop_requested = False
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        # Without a handler, SIGCHLD would write no byte to the pipe.
        signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
        for signum in _IGNORED:
            signal.signal(signum, signal.SIG_IGN)

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self.descriptor, 4096):
                pass

    def _stop(self, _signum: int, _frame: object) -> None:
        self.stop_requested = True


class StepWatch:
    """`status` is the main process's wait status once it has ended. Other children are reaped as well."""

    def __init__(self, pid: int, pipe: int, sink: Callable[[bytes], None], wakeup: Wakeup) -> None:
        self.status: int | None = None
        self.began = self.last_output = time.monotonic()
        self._pid, self._pipe, self._sink, self._wakeup = pid, pipe, sink, wakeup
        self._at_end = False
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
