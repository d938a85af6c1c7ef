"""The help page of the board: its keys and marks."""

import textwrap
from collections.abc import Iterable

from huskies_cli import render
from huskies_cli.live.keys import Press, scroll_step
from huskies_cli.live.layout import line
from huskies_cli.render import Cell, Field, Mark, Row

_KEYS = (
    ("←↑↓→ hjkl", "select a story"),
    ("Enter", "show the log of the selected story, and follow it"),
    ("12 Enter", "show the log of story 12"),
    ("p", "pause, or resume; live agents continue"),
    ("q Ctrl-C", "quit; live agents continue, and 'huskies tick' or 'huskies watch' does the rest"),
    ("Ctrl-L", "draw the screen again"),
    ("Ctrl-Z", "suspend; 'fg' continues"),
    ("? Esc", "close this page"),
)
_MARKS = (
    (render.mark(Mark.IDLE), "no work is in progress"),
    (render.mark(Mark.RUNNING), "a run is live"),
    (render.mark(Mark.THROTTLED), "the story waits for a limit, a retry delay, a budget or a pause"),
    (render.mark(Mark.BLOCKED), "the story needs a person"),
    (render.mark(Mark.DONE), "the story is done"),
)
_MORE = "'huskies help watch' opens the manual; 'huskies explain 12' shows why story 12 waits."
_NAMES = 12


class HelpPage:
    """A page that scrolls if it is longer than the screen."""

    def __init__(self) -> None:
        self._top, self._height = 0, 1

    def scroll(self, press: Press) -> bool:
        """Return whether the key scrolls. Any other key closes the page."""
        step = scroll_step(press, self._height)
        self._top = max(self._top + step, 0)
        return step != 0

    def rows(self, width: int, lines: int) -> list[Row]:
        """Return the visible rows. Their text is wrapped to the width."""
        more = [line(text, "dim") for text in textwrap.wrap(_MORE, width)]
        keys = [line("Keys", "bold"), *_named_rows(_KEYS, width)]
        rows = [*keys, (), line("Marks", "bold"), *_named_rows(_MARKS, width), (), *more]
        if len(rows) <= lines:
            return rows
        self._height = lines - 1
        self._top = min(self._top, len(rows) - self._height)
        end = self._top + self._height
        return [
            *rows[self._top : end],
            line(f"{len(rows) - end} more below · ↑↓ PgUp PgDn Home End scroll", "dim"),
        ]


def _named_rows(items: Iterable[tuple[Cell, str]], width: int) -> Iterable[Row]:
    """Yield rows with a name to the left of the first line of its text."""
    for name, text in items:
        for number, part in enumerate(textwrap.wrap(text, max(width - _NAMES, 20))):
            yield (Field("" if number else name, _NAMES, style="bold"), Field(part))
