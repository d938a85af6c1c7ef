"""Build the command that runs a program under bubblewrap: its view of the file system, its namespaces, its signals."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

PROGRAM = "bwrap"

# In a pid namespace the end of the first process ends all others. No capabilities, even if root starts the run. No
# session of its own: a run has no terminal, and signals go to its whole process group.
_NAMESPACES = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-drop", "ALL")
_SYSTEM = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")

# On SIGTERM bubblewrap would die and kill the agent before it can clean up. It ignores the signal; the agent does not.
_IGNORE_TERM = ("env", "--ignore-signal=TERM")
_DEFAULT_TERM = ("env", "--default-signal=TERM")


class Show(StrEnum):
    """The option of bubblewrap that makes a path visible."""

    NOTHING = "--tmpfs"
    READ = "--ro-bind"
    READ_IF_THERE = "--ro-bind-try"
    WRITE = "--bind"


@dataclass(frozen=True)
class View:
    """The file system and the variables in a sandbox. Later `paths` cover earlier ones; all other paths are readable.

    `variables` extend the run's environment. They appear on the command line, so never put a key there.
    """

    paths: tuple[tuple[Show, str], ...]
    network: bool = True
    variables: tuple[tuple[str, str], ...] = ()


def wrap(argv: Sequence[str], cwd: str, view: View) -> tuple[str, ...]:
    """Return the command that runs `argv` in `cwd` with that view.

    The command exits with the code of the program, or with 128+n if signal n ended the program.
    """
    return (
        *_IGNORE_TERM,
        PROGRAM,
        *_NAMESPACES,
        *(() if view.network else ("--unshare-net",)),
        *_SYSTEM,
        *(word for show, path in view.paths for word in _mount(show, path)),
        *(word for name, value in view.variables for word in ("--setenv", name, value)),
        "--chdir",
        cwd,
        "--",
        *_DEFAULT_TERM,
        *argv,
    )


def _mount(show: Show, path: str) -> tuple[str, ...]:
    return (show.value, path) if show is Show.NOTHING else (show.value, path, path)
