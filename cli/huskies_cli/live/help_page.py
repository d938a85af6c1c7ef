"""What the keys and the marks of the board mean."""

from huskies_cli import render
from huskies_cli.live.layout import cut, line
from huskies_cli.render import Field, Mark, Row

_KEYS = (
    ("←↑↓→ hjkl", "select a story"),
    ("Enter", "look into the log of the story that is selected; what it prints is followed"),
    ("12 Enter", "look into the log of story 12"),
    ("p", "start no more agents, or start them again; those at work go on"),
    (
        "q Ctrl-C",
        "end this: what is at work goes on, and so does it when 'tick' runs or this is started again",
    ),
    ("Ctrl-L", "draw all of it anew"),
    ("Ctrl-Z", "stop it for a while; 'fg' goes on"),
    ("? Esc", "leave this page"),
)
_MARKS = (
    (Mark.IDLE, "nothing is done for it now"),
    (Mark.RUNNING, "a run of it is live"),
    (Mark.THROTTLED, "it waits: a limit, a crash, a budget, a pause"),
    (Mark.BLOCKED, "it needs a person"),
    (Mark.DONE, "merged"),
)
_NAMES = 12


def help_rows(width: int, lines: int) -> list[Row]:
    """As many rows as the screen has."""
    rest = max(width - _NAMES, 0)
    keys: list[Row] = [(Field(name, _NAMES, style="bold"), Field(what, rest)) for name, what in _KEYS]
    marks: list[Row] = [(Field(render.mark(one), _NAMES), Field(what, rest)) for one, what in _MARKS]
    more = line(
        "huskies help watch opens the manual; huskies explain 12 says why story 12 waits.", width, "dim"
    )
    rows: list[Row] = [line("Keys", width, "bold"), *keys, (), line("Marks", width, "bold"), *marks, (), more]
    return [*(cut(row, width) for row in rows[:lines]), *[()] * (lines - len(rows))]
