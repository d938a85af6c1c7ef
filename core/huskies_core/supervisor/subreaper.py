"""Linux's ways of not losing processes: orphans come to their supervisor, and an agent dies with it.
Elsewhere nothing happens here; there the marks in the environment are all that is left."""

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)

    def _prctl(option: int, value: int) -> None:
        if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
            raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")

else:

    def _prctl(option: int, value: int) -> None:
        del option, value


def adopt_orphans() -> None:
    """From now on every process below this one whose parent dies becomes its child. Outlives exec."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def stop_adopting() -> None:
    """Before becoming another program: what that one starts detached must not hang below it."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 0)


def die_with_parent() -> None:
    """SIGKILL for this process when the thread that forked it dies; nothing if it is dead already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
