"""The stages as columns of stories, and the one of them that is selected."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from huskies_cli import render
from huskies_cli.board import MARKS
from huskies_cli.live.keys import Key, Press
from huskies_cli.live.layout import GAP
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
        "Held",
        (StageName.REVIEW_HOLD, StageName.BLOCKED, StageName.MERGE_FAILURE_FINAL, StageName.FROZEN),
    ),
)
"""A column each, with the stages that are in it; behind them comes one of what is done."""
_FIRST = (State.RUNNING, State.THROTTLED, State.BLOCKED, State.IDLE)
_STEPS = {Key.UP: -1, Key.DOWN: 1, "k": -1, "j": 1}
_TURNS = {Key.LEFT: -1, Key.RIGHT: 1, "h": -1, "l": 1}
_MARK, _LEAST = 2, 8


@dataclass(frozen=True)
class Spot:
    """A story in a column; `why` it is there, in words."""

    story: Story
    mark: Mark
    why: str


@dataclass(frozen=True)
class Column:
    """`count` is how many stories there are; of those that are done `spots` has the latest only."""

    name: str
    spots: Sequence[Spot]
    count: int


def columns_of(live: Live) -> tuple[Column, ...]:
    """What is at work comes first in each, then what waits for something, then the rest."""
    columns = [_column(name, [live.board.stages.get(one, ()) for one in stages]) for name, stages in NAMES]
    done = [Spot(story, Mark.DONE, "done") for story in live.done]
    return (*columns, Column("Done", done, live.board.counts.get(StageName.DONE, 0)))


def find(columns: Sequence[Column], story: int | None) -> Spot | None:
    """The spot of a story, or else the first one."""
    spots = [spot for column in columns for spot in column.spots]
    first = spots[0] if spots else None
    return next((spot for spot in spots if spot.story.id == story), first)


def step(columns: Sequence[Column], selected: int | None, press: Press) -> int | None:
    """The story that is selected after an arrow key: in the same column, or at the same height of the next that has
    any."""
    place = _place(columns, selected)
    if place is None:
        return None
    column, height = place
    if press in _STEPS:
        height += _STEPS[press]
    filled = [number for number, one in enumerate(columns) if one.spots]
    if press in _TURNS:
        column = filled[_within(filled.index(column) + _TURNS[press], len(filled))]
    spots = columns[column].spots
    return spots[_within(height, len(spots))].story.id


def drawn(columns: Sequence[Column], selected: int | None, width: int, lines: int) -> list[Row]:
    """A heading and the stories below it; of a column that is too long the part around the one that is selected."""
    widths = _widths(columns, width)
    drawn = [_drawn(column, selected, wide, lines) for column, wide in zip(columns, widths, strict=True)]
    height = max(map(len, drawn))
    lists = [
        [*rows, *[(Field("", wide),)] * (height - len(rows))]
        for rows, wide in zip(drawn, widths, strict=True)
    ]
    gap = Field("", GAP)
    return [_joined(rows, gap) for rows in zip(*lists, strict=True)]


def height_of(columns: Sequence[Column]) -> int:
    """How many lines the longest takes, its heading among them."""
    return 1 + max(len(column.spots) for column in columns)


def _column(name: str, stages: Iterable[Sequence[Card]]) -> Column:
    cards = sorted((card for cards in stages for card in cards), key=lambda card: _FIRST.index(card.state))
    spots = [Spot(card.story, MARKS[card.state], card.why) for card in cards]
    return Column(name, spots, len(spots))


def _place(columns: Sequence[Column], selected: int | None) -> tuple[int, int] | None:
    """Column and height of a story, or else of the first one."""
    places: dict[int, tuple[int, int]] = {
        spot.story.id: (number, height)
        for number, column in enumerate(columns)
        for height, spot in enumerate(column.spots)
    }
    first = next(iter(places.values()), None)
    return first if selected is None else places.get(selected, first)


def _within(number: int, count: int) -> int:
    return max(0, min(number, count - 1))


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """An empty column is as wide as its heading; the others share the rest."""
    filled = sum(bool(column.spots) for column in columns)
    narrow = [0 if column.spots else max(_LEAST, len(_heading(column))) for column in columns]
    rest = width - GAP * (len(columns) - 1) - sum(narrow)
    each, more = divmod(max(rest, 0), max(filled, 1))
    widths = []
    for column, wide in zip(columns, narrow, strict=True):
        widths.append(wide if not column.spots else each + (1 if more > 0 else 0))
        more -= 1 if column.spots else 0
    return widths


def _heading(column: Column) -> str:
    return f"{column.name} {column.count}" if column.count else column.name


def _drawn(column: Column, selected: int | None, width: int, lines: int) -> list[Row]:
    heading: Row = (Field(_heading(column), width, style="bold" if column.count else "dim"),)
    room = max(lines - 1, 0)
    chosen = next((n for n, spot in enumerate(column.spots) if spot.story.id == selected), 0)
    first = _within(chosen - room + 2, max(len(column.spots) - room + 1, 1)) if chosen > room - 2 else 0
    shown = column.spots[first : first + room]
    left = column.count - first - len(shown)
    if left > 0 and shown:
        shown, left = shown[:-1], left + 1
    digits = max((len(str(spot.story.id)) for spot in shown), default=1)
    rows = [_spot(spot, width, digits, is_selected=spot.story.id == selected) for spot in shown]
    more = (
        [(Field("", _MARK), Field(f"+{left} more", max(width - _MARK, 0), style="dim"))]
        if left > 0 and room
        else []
    )
    return [heading, *rows, *more]


def _spot(spot: Spot, width: int, digits: int, *, is_selected: bool) -> Row:
    style = "reverse" if is_selected else ""
    title = max(width - _MARK - digits - 1, 0)
    return (
        Field(render.mark(spot.mark), _MARK, style=style),
        Field(spot.story.id, digits, right=True, style=style),
        Field("›" if is_selected else "", 1, style=style),
        Field(spot.story.draft.title, title, style=style),
    )


def _joined(rows: Sequence[Row], gap: Field) -> Row:
    first, *others = rows
    return (*first, *(field for row in others for field in (gap, *row)))
