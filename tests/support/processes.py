"""The processes that a test may start, and those that it has left behind."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_SLOW = ("bash", "fish", "huskies", "python", "tmux", "zsh")
"""How the names of programs begin that take a tenth of a second and more to start."""


class ProcessGuard:
    """Refuses to start a slow program in a test that is not marked slow. Outside of tests everything may start.

    `refused` are the programs of the current test: what it tests may have handled the error.
    """

    def __init__(self) -> None:
        self.allows = True
        self.refused: list[str] = []
        sys.addaudithook(self._check)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Allow everything for the length of the block: it makes what many tests share."""
        before, self.allows = self.allows, True
        try:
            yield
        finally:
            self.allows = before

    def _check(self, event: str, arguments: tuple[object, ...]) -> None:
        if event != "subprocess.Popen" or self.allows:
            return
        program = os.path.basename(os.fsdecode(arguments[0]))  # type: ignore[arg-type]
        if program.startswith(_SLOW):
            self.refused.append(program)
            raise AssertionError(f"{program} is slow: a test that starts it requests the fixture `processes`")


guard = ProcessGuard()


def carriers(pids: Iterable[int], folder: Path) -> list[psutil.Process]:
    """Those of `pids` whose environment says that they work below `folder`; never this process."""
    return [process for pid in pids if (process := _carrier(pid, folder)) is not None]


def _carrier(pid: int, folder: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        places = [process.environ().get(name, "") for name in ("HUSKIES_PROJECT", "TMPDIR")]
    except psutil.Error:
        return None
    return process if any(Path(place).is_relative_to(folder) for place in places) else None


def describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid} ({process.status()}): {' '.join(process.cmdline())}"
    except psutil.Error:
        return str(process.pid)


def kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
