"""Wait for a condition, with the standard library only."""

import select
import time
from collections.abc import Callable

_POLL_MS = 10


def wait_until(condition: Callable[[], bool], seconds: float, *, poll_ms: int = _POLL_MS) -> bool:
    """Return True as soon as the condition is true, or False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        select.poll().poll(poll_ms)
    return True
