"""The log of a story on a screen: the output of its latest run, then that of each run that follows."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice

from huskies_cli import render
from huskies_cli.live.keys import Key, Press
from huskies_cli.live.layout import line
from huskies_cli.render import Field, Printed, Row
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations import output
from huskies_core.operations.output import Log
from huskies_core.operations.runs import as_now
from huskies_core.operations.story_events import load_story
from huskies_core.sanitize import one_line
from huskies_core.store.runs import Run
from huskies_core.store.stories import Story

KEPT = 5000
"""The last lines of a log that are kept for scrolling; 'huskies logs' prints all."""
_BYTES = 2 * output.CHUNK_BYTES
"""The most bytes that are read at once. Output that is printed faster is read in part."""
_KEYS = "q back · ↑↓ PgUp PgDn Home End scroll · whole log: huskies logs {story}"
_STEPS = {Key.UP: 1, Key.DOWN: -1, "k": 1, "j": -1}


class LogPage:
    """The page follows the end of the log until it is scrolled up; then it stays at the lines that it shows.

    Raise HuskiesError `not_found` if the story does not exist. A story without a run has a page, too.
    """

    def __init__(self, context: Context, story: int) -> None:
        self._context = context
        self._story: Story = load_story(context, story)
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._log: Log | None = None
        self._error = ""
        self._position = 0
        self._rest = b""
        self._above, self._added = 0, 0
        self._width, self._height = 1, 1

    def read(self) -> bool:
        """Read the new output and the state of the story, and return whether anything changed."""
        before = self._state()
        try:
            self._story = load_story(self._context, self._story.id)
            self._follow(output.find_log(self._context, self._story.id))
            self._error = ""
        except HuskiesError as error:
            self._error = f"{error.message}. {error.hint}"
        return before != self._state()

    def scroll(self, press: Press) -> None:
        """Scroll by lines or screens, to the beginning or to the end."""
        page = max(self._height - 1, 1)
        steps = {**_STEPS, Key.PAGE_UP: page, Key.PAGE_DOWN: -page, " ": -page, Key.HOME: KEPT * page}
        self._above = 0 if press == Key.END else max(self._above + steps.get(press, 0), 0)

    def rows(self, width: int, lines: int, now: datetime) -> list[Row]:
        """Return exactly `lines` rows."""
        self._width, self._height = width, max(lines - 3, 1)
        shown = self._shown(width) or [self._error or "no output yet"]
        body = [*((Field(Printed(text), width),) for text in shown), *[()] * (self._height - len(shown))]
        below = f"{self._above} more below · " if self._above else ""
        keys = below + _KEYS.format(story=self._story.id)
        return [line(self._head(now), width, "bold"), (), *body, line(keys, width, "dim")]

    def _shown(self, width: int) -> list[str]:
        """Return the visible lines. Only the lines below the top of the screen are folded."""
        needed = self._above + self._height
        folded: deque[str] = deque()
        for text in chain(reversed(self._torn()), reversed(self._lines)):
            folded.extendleft(reversed(render.folded(text, width)))
            if len(folded) >= needed:
                break
        self._above = min(self._above, max(len(folded) - self._height, 0))
        end = len(folded) - self._above
        return list(folded)[max(end - self._height, 0) : end]

    def _torn(self) -> list[str]:
        """Return the last line if it has no end yet."""
        if not self._rest or self._log is None:
            return []
        return output.readable(self._rest, self._log.run).split("\n")

    def _state(self) -> tuple[object, ...]:
        return (self._log and self._log.run, self._position, self._error, self._story)

    def _follow(self, log: Log) -> None:
        """Read the new output, of the next run if there is one. If scrolled up, keep the visible lines in place."""
        before, self._added = self._tall(self._torn()), 0
        if self._log is not None and self._log.run.id != log.run.id:
            self._end_line(self._log.run)
            self._add(("", f"── {_title(log.run)} ──", ""))
            self._position = 0
        self._log = log
        self._read_on(log)
        if self._above:
            self._above += self._added + self._tall(self._torn()) - before

    def _read_on(self, log: Log) -> None:
        """Read from the last position, or the last bytes only. Read a log that was truncated from its beginning."""
        size = output.size(log)
        if size < self._position:
            self._position, self._rest = 0, b""
        start = max(self._position, size - _BYTES)
        is_torn = start > self._position
        if is_torn and self._lines:
            self._end_line(log.run)
            self._add(("…",))
        self._position = start
        # A limit, because a program that always prints has no end of its output.
        for piece in islice(output.read(log, start), _BYTES // output.CHUNK_BYTES):
            self._position += len(piece)
            self._add_piece(piece.partition(b"\n")[2] if is_torn else piece, log.run)
            is_torn = is_torn and b"\n" not in piece

    def _add_piece(self, piece: bytes, run: Run) -> None:
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for text in whole[-KEPT:]:
            self._add(output.readable(text, run).split("\n"))
        if len(self._rest) > output.LONGEST_LINE:
            self._end_line(run)

    def _end_line(self, run: Run) -> None:
        if self._rest:
            self._add(output.readable(self._rest, run).split("\n"))
        self._rest = b""

    def _add(self, lines: Sequence[str]) -> None:
        self._lines.extend(lines)
        self._added += self._tall(lines)

    def _tall(self, lines: Iterable[str]) -> int:
        """Return the height of lines on the screen, or 0 unless scrolled up: only then is it needed."""
        return sum(len(render.folded(text, self._width)) for text in lines) if self._above else 0

    def _head(self, now: datetime) -> str:
        about = f"{self._story.id} {one_line(self._story.draft.title)} ({self._story.stage.name.value})"
        return about if self._log is None else f"{about} · {' · '.join(self._figures(self._log.run, now))}"

    def _figures(self, run: Run, now: datetime) -> Iterator[str]:
        figures = as_now(self._context.project, run).run if run.is_live else run
        yield _title(run)
        yield (
            f"live {render.age(run.started_at, now)}"
            if run.is_live
            else f"{run.outcome} {run.detail}".strip()
        )
        if figures.turns:
            yield f"{figures.turns} turns"
        if figures.cost_usd:
            yield render.money(figures.cost_usd)


def _title(run: Run) -> str:
    return f"{run.kind.value} run {run.id}{f' by {run.agent}' if run.agent else ''}"
