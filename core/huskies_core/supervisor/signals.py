"""Signals as something to poll for, and the default signal state for a started program.

A program inherits ignored signals and the signal mask. Python ignores SIGPIPE and SIGXFSZ, nohup ignores SIGHUP.
"""

import contextlib
import os
import signal

_IGNORED = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP),
    *(signal.SIGUSR1, signal.SIGUSR2),
)


class Wakeup:
    """Makes `descriptor` readable on SIGTERM and SIGCHLD. A process has only one."""

    def __init__(self) -> None:
        self.descriptor, self._write_end = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._write_end, False)
        self.stop_requested = False
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGCHLD, _do_nothing)
        for signum in _IGNORED:
            signal.signal(signum, signal.SIG_IGN)

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self.descriptor, 4096):
                pass

    def _stop(self, _signum: int, _frame: object) -> None:
        self.stop_requested = True


def _do_nothing(_signum: int, _frame: object) -> None:
    """Do nothing: the byte in the pipe is enough. Without a handler, SIGCHLD would write none."""


def block_all() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def unblock_all() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def reset_all() -> None:
    """Set every signal to its default action and unblock it. Pending signals take effect now."""
    signal.set_wakeup_fd(-1)
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(signum, signal.SIG_DFL)
    unblock_all()
