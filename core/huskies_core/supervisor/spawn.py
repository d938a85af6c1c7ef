"""Starting a step: fork, make the child an ordinary program again, exec. No subprocess module, so that the
checks between fork and exec can be made, and for its memory."""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

from huskies_core.supervisor.signals import block_all, reset_all, unblock_all
from huskies_core.supervisor.spec import Step

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


def spawn(step: Step, env: Mapping[str, str], output: int) -> int:
    """Starts the step in its own process group, printing to `output`; its pid. OSError when it cannot."""
    told, tell = os.pipe()
    supervisor = os.getpid()
    block_all()
    pid = os.fork()
    if pid == 0:
        _become(step, env, output, tell, supervisor)
    unblock_all()
    os.close(tell)
    with open(told, "rb") as answer:
        errno, _, culprit = answer.read().decode(errors="replace").partition(" ")
    if errno:
        os.waitpid(pid, 0)
        raise OSError(int(errno), os.strerror(int(errno)), culprit)
    return pid


def _become(step: Step, env: Mapping[str, str], output: int, tell: int, supervisor: int) -> NoReturn:
    """Never returns: the child is the program, or has told its parent why not. exec closes `tell`."""
    culprit = step.argv[0]
    try:
        die_with_parent()
        if os.getppid() != supervisor:
            os._exit(1)
        os.setpgid(0, 0)
        culprit = step.cwd
        os.chdir(step.cwd)
        culprit = step.stdin or os.devnull
        _connect(culprit, output)
        culprit = step.argv[0]
        reset_all()
        os.execvpe(step.argv[0], step.argv, env)
    except OSError as error:
        os.write(tell, f"{error.errno} {culprit}".encode(errors="replace"))
    finally:
        os._exit(127)


def _connect(stdin: str, output: int) -> None:
    source = os.open(stdin, os.O_RDONLY)
    for descriptor, number in ((source, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, number)
