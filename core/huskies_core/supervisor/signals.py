"""Signals as bytes to poll for, and the clean slate that a started program needs.

A program inherits ignored signals and the mask; Python ignores SIGPIPE and SIGXFSZ, and nohup SIGHUP."""

import contextlib
import os
import signal


class Wakeup:
    """Turns SIGTERM and SIGCHLD into something to poll for: `descriptor` gets readable. One a process."""

    def __init__(self) -> None:
        self.descriptor, self._write_end = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._write_end, False)
        self.stop_asked = False
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGCHLD, _wake)
        for ignored in (
            signal.SIGHUP,
            signal.SIGINT,
            signal.SIGQUIT,
            signal.SIGTSTP,
            signal.SIGUSR1,
            signal.SIGUSR2,
        ):
            signal.signal(ignored, signal.SIG_IGN)

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self.descriptor, 4096):
                pass

    def _stop(self, _signum: int, _frame: object) -> None:
        self.stop_asked = True


def _wake(_signum: int, _frame: object) -> None:
    """The byte in the pipe is all; a handler because an ignored SIGCHLD leaves nothing to reap."""


def block_all() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def unblock_all() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def reset_all() -> None:
    """Every signal as in a fresh login: default action, none blocked. What was blocked strikes now."""
    signal.set_wakeup_fd(-1)
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(signum, signal.SIG_DFL)
    unblock_all()
