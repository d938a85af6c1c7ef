"""The guard against slow programs in fast tests, and processes left by a test."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_SLOW = ("bash", "fish", "huskies", "python", "tmux", "zsh")
"""Prefixes of the names of programs that take a tenth of a second or more to start."""


_HAS_PROC = os.path.exists("/proc/self/environ")


class ProcessGuard:
    """Failure to start a slow program in a test that is not marked slow. Outside of tests everything may start.

    `refused` are the programs of the current test, because the tested code may handle the error.
    """

    def __init__(self) -> None:
        self.allows = True
        self.refused: list[str] = []
        sys.addaudithook(self._check)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Allow every program for the length of the block, for fixtures that many tests share."""
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
    """Return the processes of `pids` that work below `folder`, as their environment shows; never this process."""
    mark = os.fsencode(folder)
    return [
        process for pid in pids if _may_carry(pid, mark) and (process := _carrier(pid, folder)) is not None
    ]


def _may_carry(pid: int, mark: bytes) -> bool:
    """Return whether the environment contains `mark`: a fast answer for most processes, where there is a /proc."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as environ:
            return mark in environ.read()
    except FileNotFoundError:
        return not _HAS_PROC
    except OSError:
        return False


def _carrier(pid: int, folder: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        paths = [process.environ().get(name, "") for name in ("HUSKIES_PROJECT", "TMPDIR")]
    except psutil.Error:
        return None
    return process if any(Path(path).is_relative_to(folder) for path in paths) else None


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
