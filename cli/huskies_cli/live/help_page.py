"""The help page of the board: its keys and marks."""

from huskies_cli import render
from huskies_cli.live.layout import cut, line
from huskies_cli.render import Field, Mark, Row

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
    (Mark.IDLE, "no work is in progress"),
    (Mark.RUNNING, "a run is live"),
    (Mark.THROTTLED, "the story waits for a limit, a retry delay, a budget or a pause"),
    (Mark.BLOCKED, "the story needs a person"),
    (Mark.DONE, "the story is done"),
)
_NAMES = 12


def help_rows(width: int, lines: int) -> list[Row]:
    """Return exactly `lines` rows."""
    rest = max(width - _NAMES, 0)
    keys: list[Row] = [(Field(name, _NAMES, style="bold"), Field(text, rest)) for name, text in _KEYS]
    marks: list[Row] = [(Field(render.mark(mark), _NAMES), Field(text, rest)) for mark, text in _MARKS]
    more = line(
        "huskies help watch opens the manual; huskies explain 12 shows why story 12 waits.", width, "dim"
    )
    rows: list[Row] = [line("Keys", width, "bold"), *keys, (), line("Marks", width, "bold"), *marks, (), more]
    return [*(cut(row, width) for row in rows[:lines]), *[()] * (lines - len(rows))]
