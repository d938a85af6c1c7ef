"""How far something is that can take long: told by what does it, shown by whoever looks on."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""What it is at, how much of that is done, and of how much; 0 where that is not known."""


def ignore_progress(_at: str, _done: int, _of: int) -> None:
    """Nobody looks on."""
