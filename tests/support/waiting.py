"""Waiting for a condition or a file, with a generous limit."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout: float = 10.0, *, what: str = "") -> T:
    """The first true value of `condition`. Fails the test after `timeout` seconds, naming `what`."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain for {what or condition}")
        time.sleep(0.01)
    return value


def wait_for_file(path: Path, timeout: float = 10.0) -> str:
    """The text of a handshake file, once it is there and not empty."""
    return wait_until(lambda: path.exists() and path.read_text(), timeout, what=str(path)) or ""
