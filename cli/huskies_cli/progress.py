"""A progress bar on standard error, for commands that can take long."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from huskies_cli.session import Session
from huskies_cli.streams import is_screen
from huskies_core.context import Progress, ignore_progress
from huskies_core.sanitize import one_line

EVERY_SECS = 0.1
_NAME, _BAR = 24, 30


@contextmanager
def shown(session: Session) -> Iterator[Progress]:
    """Show progress for the length of the block in the last line of standard error, then clear the line."""
    bar = Bar() if is_wanted(session) else None
    try:
        yield ignore_progress if bar is None else bar.show
    finally:
        if bar is not None:
            bar.end()


class Bar:
    """One line with the current step, a bar and figures. Nothing is drawn before the first call of `show`."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        self._at = ""
        self._next = 0.0
        self._progress = Progress(
            TextColumn(
                "{task.description}", "none", markup=False, table_column=Column(width=_NAME, no_wrap=True)
            ),
            BarColumn(_BAR, complete_style="green", finished_style="green"),
            TextColumn("{task.fields[figures]}", "none", markup=False, table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def show(self, at: str, done: int, of: int) -> None:
        """Draw a new step at once, because it can take long, and the figures of a step at most every EVERY_SECS."""
        now = time.monotonic()
        if at == self._at and now < self._next:
            return
        self._at, self._next = at, now + EVERY_SECS
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        figures = f"{done} of {of}" if of else str(done or "")
        self._progress.add_task(one_line(at), total=of or None, completed=done, figures=figures)
        self._progress.start()

    def redraw(self) -> None:
        if self._at:
            self._progress.start()

    def hide(self) -> None:
        """Clear the line, so that another one can be printed in its place."""
        if self._at:
            self._progress.stop()

    def end(self) -> None:
        self.hide()
        self._at = ""


def is_wanted(session: Session) -> bool:
    """Return whether standard error is a terminal that can draw, and neither --quiet nor --json is given."""
    return is_screen(sys.stderr) and not (session.quiet or session.json)
