"""A progress bar on standard error, for commands that can take long."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from huskies_cli.session import Session
from huskies_cli.streams import is_screen, print_message
from huskies_core.context import Progress
from huskies_core.sanitize import one_line, without_controls

if TYPE_CHECKING:
    from rich import progress

EVERY_SECS = 0.1
_NAME, _BAR = 24, 30


@contextmanager
def shown(session: Session) -> Iterator[Progress]:
    """Show progress for the length of the block in the last line of standard error, then clear the line."""
    bar = Bar(session)
    try:
        yield bar.show
    finally:
        bar.end()


class Bar:
    """One line with the current step, a bar and figures. It draws nothing before the first call of `show`.

    It draws nothing at all if standard error is no terminal that can draw, or with --quiet or --json.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._at = ""
        self._next = 0.0
        self._draws = is_screen(sys.stderr) and not (session.quiet or session.json)
        self._line: progress.Progress | None = None

    def show(self, at: str, done: int, of: int) -> None:
        """Draw a new step at once, because it can take long, and the figures of a step at most every EVERY_SECS."""
        now = time.monotonic()
        if not self._draws or (at == self._at and now < self._next):
            return
        self._at, self._next = at, now + EVERY_SECS
        line = self._line = self._line or _line()
        for task in line.task_ids:
            line.remove_task(task)
        figures = f"{done} of {of}" if of else str(done or "")
        line.add_task(one_line(at), total=of or None, completed=done, figures=figures)
        line.start()

    def print_above(self, line: str) -> None:
        """Print a line on stderr, with the spaces that align it. Print nothing with --quiet."""
        if self._line is not None:
            self._line.stop()
        if not self._session.quiet:
            print_message(without_controls(line))
        if self._line is not None:
            self._line.start()

    def end(self) -> None:
        """Clear the line."""
        if self._line is not None:
            self._line.stop()
        self._at, self._line = "", None


def _line() -> "progress.Progress":
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, Task, TextColumn
    from rich.table import Column

    class StderrConsole(Console):
        def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002
            """Leave the cursor visible: a command that is killed could not show it again."""
            return False

    class KnownBar(BarColumn):
        def __call__(self, task: Task) -> RenderableType:
            """Return the bar; nothing for a task of unknown length."""
            return "" if task.total is None else super().__call__(task)

    name, figures = Column(width=_NAME, no_wrap=True), Column(no_wrap=True)
    return Progress(
        TextColumn("{task.description}", "none", markup=False, table_column=name),
        KnownBar(_BAR, complete_style="green", finished_style="green"),
        TextColumn("{task.fields[figures]}", "none", markup=False, table_column=figures),
        console=StderrConsole(stderr=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
