"""Progress of long work: the work calls a function, the caller displays it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Takes the name of the current part, the number of done items, and their total or 0 if unknown."""


def ignore_progress(_at: str, _done: int, _of: int) -> None:
    """Display nothing."""
