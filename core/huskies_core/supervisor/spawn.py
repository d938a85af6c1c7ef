"""Start of a step by fork and exec, and the Linux means that keep its processes from escaping.

The subprocess module is not used: it allows no checks between fork and exec, and it needs memory. On other systems the
marks in the environment are the only means. A program inherits ignored signals and the signal mask; Python ignores
SIGPIPE and SIGXFSZ, nohup ignores SIGHUP.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from typing import NoReturn

from huskies_core.supervisor.records import Step

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    """Set an attribute of this process. Only Linux has these."""
    if sys.platform == "linux" and _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")


def adopt_orphans() -> None:
    """Make this process the new parent of orphans below it. exec keeps this setting."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def stop_adopting() -> None:
    """Undo adopt_orphans before exec: processes that the next program detaches must not become its children."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 0)


def spawn(step: Step, env: Mapping[str, str], output: int) -> int:
    """Start the step in its own process group with stdout and stderr at `output`. Return its pid.

    Raise OSError, with the file that caused it, when the step cannot start.
    """
    error_read_end, error_write_end = os.pipe()
    supervisor = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    pid = os.fork()
    if pid == 0:
        _become(step, env, output, error_write_end, supervisor)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.close(error_write_end)
    with open(error_read_end, "rb") as pipe:
        errno, _, path = pipe.read().decode(errors="replace").partition(" ")
    if errno:
        os.waitpid(pid, 0)
        raise OSError(int(errno), os.strerror(int(errno)), path)
    return pid


def _become(step: Step, env: Mapping[str, str], output: int, error_fd: int, supervisor: int) -> NoReturn:
    """Execute the program, or write the error to the parent and exit. exec closes `error_fd`."""
    path = step.argv[0]
    try:
        # SIGKILL when the thread that forked this process dies. If the supervisor is dead already, exit.
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:
            os._exit(1)
        os.setpgid(0, 0)
        path = step.cwd
        os.chdir(step.cwd)
        path = step.stdin or os.devnull
        source = os.open(path, os.O_RDONLY)
        for descriptor, number in ((source, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, number)
        path = step.argv[0]
        reset_all()
        os.execvpe(step.argv[0], step.argv, env)
    except OSError as error:
        os.write(error_fd, f"{error.errno} {path}".encode(errors="replace"))
    finally:
        os._exit(127)


def reset_all() -> None:
    """Set every signal to its default action and unblock it. Pending signals take effect now."""
    signal.set_wakeup_fd(-1)
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
