"""The stages as columns of stories, and the selection of a story."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from huskies_cli import render
from huskies_cli.board import MARKS
from huskies_cli.live.keys import Key, Press
from huskies_cli.live.layout import GAP, beside
from huskies_cli.render import Field, Mark, Row
from huskies_core.operations.board import Card, State
from huskies_core.operations.dashboard import Live
from huskies_core.pipeline.stages import StageName
from huskies_core.store.stories import Story

NAMES = (
    ("Backlog", (StageName.BACKLOG,)),
    ("Coding", (StageName.CODING,)),
    ("QA", (StageName.QA,)),
    ("Merge", (StageName.MERGE, StageName.MERGE_FAILURE)),
    (
        "On hold",
        (StageName.REVIEW_HOLD, StageName.BLOCKED, StageName.MERGE_FAILURE_FINAL, StageName.FROZEN),
    ),
)
"""The columns and their stages; the column Done follows them."""
_FIRST = (State.RUNNING, State.THROTTLED, State.BLOCKED, State.IDLE)
_STEPS = {Key.UP: -1, Key.DOWN: 1, "k": -1, "j": 1}
_TURNS = {Key.LEFT: -1, Key.RIGHT: 1, "h": -1, "l": 1}
_MARK, _LEAST = 2, 8


@dataclass(frozen=True)
class Spot:
    """A story in a column; `why` is the reason why it is there."""

    story: Story
    mark: Mark
    why: str


@dataclass(frozen=True)
class Column:
    """`count` is the number of stories. The column Done has only the latest in `spots`."""

    name: str
    spots: Sequence[Spot]
    count: int


def columns_of(live: Live) -> tuple[Column, ...]:
    """Return the columns. In each, running stories come first, then throttled, blocked and idle ones."""
    columns = [
        _column(name, [live.board.stages.get(stage, ()) for stage in stages]) for name, stages in NAMES
    ]
    done = [Spot(story, Mark.DONE, "done") for story in live.done]
    return (*columns, Column("Done", done, live.board.counts.get(StageName.DONE, 0)))


def find(columns: Sequence[Column], story: int | None) -> Spot | None:
    """Return the spot of a story, else the first one, or None if there is no story."""
    spots = [spot for column in columns for spot in column.spots]
    first = spots[0] if spots else None
    return next((spot for spot in spots if spot.story.id == story), first)


def step(columns: Sequence[Column], selected: int | None, press: Press) -> int | None:
    """Return the selected story after an arrow key: in the same column, or at the same height of the next column that
    has stories. Return None if there is no story."""
    spot = find(columns, selected)
    if spot is None:
        return None
    filled = [column.spots for column in columns if column.spots]
    number = next(number for number, spots in enumerate(filled) if spot in spots)
    height = filled[number].index(spot) + _STEPS.get(press, 0)
    spots = filled[_within(number + _TURNS.get(press, 0), len(filled))]
    return spots[_within(height, len(spots))].story.id


def column_rows(columns: Sequence[Column], selected: int | None, width: int, lines: int) -> list[Row]:
    """Return at most `lines` rows: a heading, and stories. A long column shows the part around the selected story."""
    widths = _widths(columns, width)
    blocks = [_rows(column, selected, wide, lines) for column, wide in zip(columns, widths, strict=True)]
    rows, left = blocks[0], widths[0]
    for block, wide in zip(blocks[1:], widths[1:], strict=True):
        rows = beside(rows, block, left)
        left += GAP + wide
    return rows


def height_of(columns: Sequence[Column]) -> int:
    """Return the lines of the longest column with its heading."""
    return 1 + max(len(column.spots) for column in columns)


def _column(name: str, stages: Iterable[Sequence[Card]]) -> Column:
    cards = sorted((card for cards in stages for card in cards), key=lambda card: _FIRST.index(card.state))
    spots = [Spot(card.story, MARKS[card.state], card.why) for card in cards]
    return Column(name, spots, len(spots))


def _within(number: int, count: int) -> int:
    return max(0, min(number, count - 1))


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Return the width of each column: that of its heading if it is empty, else a part of the rest."""
    widths = [0 if column.spots else max(_LEAST, len(_heading(column))) for column in columns]
    filled = [number for number, column in enumerate(columns) if column.spots]
    rest = max(width - GAP * (len(columns) - 1) - sum(widths), 0)
    for place, number in enumerate(filled):
        widths[number] = (rest + len(filled) - 1 - place) // len(filled)
    return widths


def _heading(column: Column) -> str:
    return f"{column.name} {column.count}" if column.count else column.name


def _rows(column: Column, selected: int | None, width: int, lines: int) -> list[Row]:
    heading: Row = (Field(_heading(column), width, style="bold" if column.count else "dim"),)
    room = max(lines - 1, 0)
    height = next((height for height, spot in enumerate(column.spots) if spot.story.id == selected), 0)
    first = _within(height - room + 2, max(len(column.spots) - room + 1, 1)) if height > room - 2 else 0
    shown = column.spots[first : first + room]
    hidden = column.count - first - len(shown)
    if hidden > 0 and shown:
        shown, hidden = shown[:-1], hidden + 1
    digits = max((len(str(spot.story.id)) for spot in shown), default=1)
    rows = [_story_row(spot, width, digits, is_selected=spot.story.id == selected) for spot in shown]
    if hidden > 0 and room:
        rows.append((Field("", _MARK), Field(f"+{hidden} more", max(width - _MARK, 0), style="dim")))
    return [heading, *rows]


def _story_row(spot: Spot, width: int, digits: int, *, is_selected: bool) -> Row:
    style = "reverse" if is_selected else ""
    title = max(width - _MARK - digits - 1, 0)
    return (
        Field(render.mark(spot.mark), _MARK, style=style),
        Field(spot.story.id, digits, right=True, style=style),
        Field("›" if is_selected else "", 1, style=style),
        Field(spot.story.draft.title, title, style=style),
    )
