"""Which processes a test has left behind."""

from collections.abc import Iterable
from pathlib import Path

import psutil


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
