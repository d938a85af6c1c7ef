"""The log of a story on a screen: the output of its latest run, then that of each run that follows."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from itertools import chain, islice

from huskies_cli import render
from huskies_cli.live.keys import Press, scroll_step
from huskies_cli.live.layout import line
from huskies_cli.render import Field, Printed, Row
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations import output
from huskies_core.operations.output import Log
from huskies_core.operations.runs import as_now
from huskies_core.operations.story_events import load_story
from huskies_core.sanitize import one_line
from huskies_core.store.runs import Run

KEPT = 5000
"""The last lines of a log that are kept for scrolling; 'huskies logs' prints all."""
_BYTES = 2 * output.CHUNK_BYTES
"""The most bytes that are read at once. Output that is printed faster is read in part."""
_KEYS = "q back · ↑↓ PgUp PgDn Home End scroll · whole log: huskies logs {story}"


class LogPage:
    """The page follows the end of the log until it is scrolled up; then it stays at the lines that it shows.

    `_above` is the number of lines of the screen between its lower end and the end of the log. `_added` and
    `_torn_height` are the lines of the log and the height of its incomplete line since the last drawing.

    Raise HuskiesError `not_found` if the story does not exist. A story without a run has a page, too.
    """

    def __init__(self, context: Context, story: StoryId) -> None:
        self._context = context
        self._story = load_story(context, story)
        self._run: Run | None = None
        self._error = ""
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._position, self._torn = 0, b""
        self._above, self._added, self._torn_height = 0, 0, 0
        self._height = 1

    def read(self) -> bool:
        """Read the new output and the state of the story, and return whether anything changed."""
        before = self._state()
        try:
            self._story = load_story(self._context, self._story.id)
            self._read_log(output.find_log(self._context, self._story.id))
            self._error = ""
        except HuskiesError as error:
            self._error = f"{error.message}. {error.hint}"
        return before != self._state()

    def scroll(self, press: Press) -> None:
        self._above = max(self._above - scroll_step(press, self._height), 0)

    def rows(self, width: int, lines: int, now: datetime) -> list[Row]:
        """Return one row for each line of the screen, at least four."""
        self._height = max(lines - 3, 1)
        shown = self._shown(width) or [self._error or "no output yet"]
        body: list[Row] = [(Field(Printed(text)),) for text in shown]
        below = f"{self._above} more below · " if self._above else ""
        keys = line(below + _KEYS.format(story=self._story.id), "dim")
        return [line(self._head(now), "bold"), (), *body, *[()] * (self._height - len(body)), keys]

    def _state(self) -> tuple[object, ...]:
        return (self._run, self._position, self._error, self._story)

    def _shown(self, width: int) -> list[str]:
        """Return the visible lines. Only the lines below the top of the screen are folded."""
        torn = self._torn_lines()
        torn_height = _height(torn, width)
        if self._above:  # new output does not move the visible lines
            added = _height(islice(reversed(self._lines), self._added), width)
            self._above += added + torn_height - self._torn_height
        self._added, self._torn_height = 0, torn_height
        folded: deque[str] = deque()
        for text in chain(reversed(torn), reversed(self._lines)):
            folded.extendleft(reversed(render.folded(text, width)))
            if len(folded) >= self._above + self._height:
                break
        self._above = min(self._above, max(len(folded) - self._height, 0))
        end = len(folded) - self._above
        return list(folded)[max(end - self._height, 0) : end]

    def _read_log(self, log: Log) -> None:
        """Read from the last position, or the last bytes only. Read a log that was truncated from its beginning."""
        if self._run is not None and self._run.id != log.run.id:
            self._end_line()
            self._add(["", f"── {_title(log.run)} ──", ""])
            self._position = 0
        self._run, size = log.run, output.size(log.directory)
        if size < self._position:
            self._position, self._torn = 0, b""
        start = max(self._position, size - _BYTES)
        # A limit, because a program that always prints has no end of its output.
        piece = b"".join(islice(output.read(log, start), _BYTES // output.CHUNK_BYTES))
        is_incomplete, self._position = start > self._position, start + len(piece)
        if is_incomplete:
            self._end_line()
            self._add(["…"] if self._lines else [])
            piece = piece.partition(b"\n")[2]
        *whole, self._torn = (self._torn + piece).split(b"\n")
        for text in whole[-KEPT:]:
            self._add(output.readable(text, log.run).split("\n"))
        if len(self._torn) > output.LONGEST_LINE:
            self._end_line()

    def _torn_lines(self) -> list[str]:
        """Return the text of the last line if it has no end yet."""
        if not self._torn or self._run is None:
            return []
        return output.readable(self._torn, self._run).split("\n")

    def _end_line(self) -> None:
        self._add(self._torn_lines())
        self._torn = b""

    def _add(self, lines: list[str]) -> None:
        self._lines.extend(lines)
        self._added += len(lines)

    def _head(self, now: datetime) -> str:
        story, run = self._story, self._run
        parts = [f"{story.id} {one_line(story.draft.title)} ({story.stage.name.value})"]
        if run is not None:
            figures = as_now(self._context.project, run).run if run.is_live else run
            state = (
                f"live {render.age(run.started_at, now)}" if run.is_live else f"{run.outcome} {run.detail}"
            )
            parts += [_title(run), state.strip()]
            parts += [f"{figures.turns} turns"] if figures.turns else []
            parts += [render.money(figures.cost_usd)] if figures.cost_usd else []
        return " · ".join(parts)


def _height(lines: Iterable[str], width: int) -> int:
    return sum(len(render.folded(text, width)) for text in lines)


def _title(run: Run) -> str:
    return f"{run.kind.value} run {run.id}{f' by {run.agent}' if run.agent else ''}"
