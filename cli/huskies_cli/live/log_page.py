"""A story's log as it fills a screen: what its run printed, and what it prints; then that of its next run."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

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
"""Lines of a log, the last ones, that can be scrolled through; 'huskies logs' has all of it."""
_BYTES = 2 * output.CHUNK_BYTES
"""How far back a log is read, and how much of it at once: what prints faster than that is not read whole."""
_KEYS = "q back · ↑↓ PgUp PgDn Home End scroll · the whole of it: huskies logs {story}"
_STEPS = {Key.UP: 1, Key.DOWN: -1, "k": 1, "j": -1}


class LogPage:
    """Stays with the end of the log until it is scrolled up, and then with what is shown. A story may have had no run
    yet: then that is said.

    Raises HuskiesError `not_found`.
    """

    def __init__(self, context: Context, story: int) -> None:
        self._context = context
        self._story: Story = load_story(context, story)
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._log: Log | None = None
        self._trouble = ""
        self._position = 0
        self._rest = b""
        self._above, self._added = 0, 0
        self._width, self._height = 1, 1

    def read(self) -> bool:
        """Takes in what there is by now; whether anything is different then."""
        before = self._state()
        try:
            self._story = load_story(self._context, self._story.id)
            self._turn_to(output.find_log(self._context, self._story.id))
            self._trouble = ""
        except HuskiesError as error:
            self._trouble = f"{error.message}. {error.hint}"
        return before != self._state()

    def scroll(self, press: Press) -> None:
        """Up and down by lines and screens, to the beginning and to the end."""
        page = max(self._height - 1, 1)
        steps = {**_STEPS, Key.PAGE_UP: page, Key.PAGE_DOWN: -page, " ": -page, Key.HOME: KEPT * page}
        self._above = 0 if press == Key.END else max(self._above + steps.get(press, 0), 0)

    def rows(self, width: int, lines: int, now: datetime) -> list[Row]:
        """As many rows as the screen has."""
        self._width, self._height = width, max(lines - 3, 1)
        shown = self._shown(width) or [self._trouble or "nothing was printed yet"]
        body = [*((Field(Printed(text), width),) for text in shown), *[()] * (self._height - len(shown))]
        below = f"{self._above} more below · " if self._above else ""
        keys = below + _KEYS.format(story=self._story.id)
        return [line(self._head(now), width, "bold"), (), *body, line(keys, width, "dim")]

    def _shown(self, width: int) -> list[str]:
        """Only as much of the log is folded as lies below the top of the screen."""
        wanted = self._above + self._height
        folded: deque[str] = deque()
        for text in self._upwards():
            folded.extendleft(reversed(render.folded(text, width)))
            if len(folded) >= wanted:
                break
        self._above = min(self._above, max(len(folded) - self._height, 0))
        end = len(folded) - self._above
        return list(folded)[max(end - self._height, 0) : end]

    def _upwards(self) -> Iterator[str]:
        yield from reversed(self._torn())
        yield from reversed(self._lines)

    def _torn(self) -> list[str]:
        """The last line, which has no end yet."""
        if not self._rest or self._log is None:
            return []
        return output.readable(self._rest, self._log.run).split("\n")

    def _state(self) -> tuple[object, ...]:
        return (self._log and self._log.run, self._position, self._trouble, self._story)

    def _turn_to(self, log: Log) -> None:
        """Takes in what is new, of the next run too. What is looked at stays where it is."""
        before, self._added = self._tall(self._torn()), 0
        if self._log is not None and self._log.run.id != log.run.id:
            self._end_line(self._log.run)
            self._add(("", f"── {_told(log.run)} ──", ""))
            self._position = 0
        self._log = log
        self._read_on(log)
        if self._above:
            self._above += self._added + self._tall(self._torn()) - before

    def _read_on(self, log: Log) -> None:
        """From where it stopped, or where the end of the log begins; a log that was cut short from its beginning."""
        size = output.size(log)
        if size < self._position:
            self._position, self._rest = 0, b""
        start = max(self._position, size - _BYTES)
        is_torn = start > self._position
        if is_torn and self._lines:
            self._end_line(log.run)
            self._add(("…",))
        self._position = start
        # Not until there is nothing new: of what prints all the time that would never be so.
        for piece in islice(output.read(log, start), _BYTES // output.CHUNK_BYTES):
            self._position += len(piece)
            self._take(piece.partition(b"\n")[2] if is_torn else piece, log.run)
            is_torn = is_torn and b"\n" not in piece

    def _take(self, piece: bytes, run: Run) -> None:
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
        """How many lines of the screen they take; asked of what comes while it is scrolled up only."""
        return sum(len(render.folded(one, self._width)) for one in lines) if self._above else 0

    def _head(self, now: datetime) -> str:
        about = f"{self._story.id} {one_line(self._story.draft.title)} ({self._story.stage.name.value})"
        return about if self._log is None else f"{about} · {' · '.join(self._figures(self._log.run, now))}"

    def _figures(self, run: Run, now: datetime) -> Iterator[str]:
        figures = as_now(self._context.project, run).run if run.is_live else run
        yield _told(run)
        yield (
            f"live {render.age(run.started_at, now)}"
            if run.is_live
            else f"{run.outcome} {run.detail}".strip()
        )
        if figures.turns:
            yield f"{figures.turns} turns"
        if figures.cost_usd:
            yield render.money(figures.cost_usd)


def _told(run: Run) -> str:
    return f"{run.kind.value} run {run.id}{f' by {run.agent}' if run.agent else ''}"
