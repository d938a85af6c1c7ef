"""A program under bubblewrap: what it sees of the file system, in which namespaces, and how it is ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

PROGRAM = "bwrap"

# A pid namespace: who ends its first process ends all. No capabilities, also where root starts the run. No session of
# its own: a run has no terminal to be spoken to through, and its process group is signalled as a whole.
_NAMESPACES = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-drop", "ALL")
_SYSTEM = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")

# bubblewrap would die of SIGTERM and take the agent along before it can tidy up: it ignores it, the agent does not.
_PATIENT = ("env", "--ignore-signal=TERM")
_ORDINARY = ("env", "--default-signal=TERM")


class Show(StrEnum):
    """How a path looks from inside, as bubblewrap names it."""

    NOTHING = "--tmpfs"
    READ = "--ro-bind"
    READ_IF_THERE = "--ro-bind-try"
    WRITE = "--bind"


@dataclass(frozen=True)
class View:
    """`paths` in order: a later one wins where it lies on or in an earlier one. All else can be read. `variables` are
    set over the run's environment; they are told on the command line, so never a key."""

    paths: tuple[tuple[Show, str], ...]
    network: bool = True
    variables: tuple[tuple[str, str], ...] = ()


def wrap(argv: Sequence[str], cwd: str, view: View) -> tuple[str, ...]:
    """The command that runs `argv` in `cwd` with that view and no other. Its exit code is the program's, 128+n where
    signal n ended it."""
    return (
        *_PATIENT,
        PROGRAM,
        *_NAMESPACES,
        *(() if view.network else ("--unshare-net",)),
        *_SYSTEM,
        *(word for show, path in view.paths for word in _mount(show, path)),
        *(word for name, value in view.variables for word in ("--setenv", name, value)),
        "--chdir",
        cwd,
        "--",
        *_ORDINARY,
        *argv,
    )


def _mount(show: Show, path: str) -> tuple[str, ...]:
    return (show.value, path) if show is Show.NOTHING else (show.value, path, path)
