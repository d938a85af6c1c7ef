"""Waiting for a condition or a file, with a generous limit."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], timeout: float = 10.0, *, what: str = "", every: float = 0.01
) -> T:
    """Return the first true value of `condition`, which is called every so many seconds.

    Fails the test after `timeout` seconds, naming `what`. Raise `every` for a condition that starts processes.
    """
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain for {what or condition}")
        time.sleep(every)
    return value


def wait_for_file(path: Path, timeout: float = 10.0) -> str:
    """Return the text of a handshake file, as soon as it exists and is not empty."""
    return wait_until(lambda: path.exists() and path.read_text(), timeout, what=str(path)) or ""
