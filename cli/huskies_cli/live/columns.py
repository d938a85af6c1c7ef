"""The stages as columns of stories, and the selection of a story."""

from collections.abc import Sequence

from msgspec import Struct

from huskies_cli import render
from huskies_cli.board import MARKS
from huskies_cli.live.keys import Key, Press
from huskies_cli.live.layout import GAP, beside, line
from huskies_cli.render import Field, Mark, Row
from huskies_core.ids import StoryId
from huskies_core.operations.board import State
from huskies_core.operations.dashboard import Live
from huskies_core.pipeline.stages import StageName
from huskies_core.store.stories import Story

NAMES = (
    ("Backlog", (StageName.BACKLOG,)),
    ("Coding", (StageName.CODING,)),
    ("QA", (StageName.QA,)),
    ("Merge", (StageName.MERGE, StageName.MERGE_FAILURE)),
    ("On hold", (StageName.REVIEW_HOLD, StageName.BLOCKED, StageName.MERGE_FAILURE_FINAL, StageName.FROZEN)),
)
"""The columns and their stages; the column Done follows them."""
_FIRST = (State.RUNNING, State.THROTTLED, State.BLOCKED, State.IDLE)
_STEPS = {Key.UP: -1, Key.DOWN: 1, "k": -1, "j": 1}
_TURNS = {Key.LEFT: -1, Key.RIGHT: 1, "h": -1, "l": 1}
_MARK, _LEAST = 2, 8


class Spot(Struct, frozen=True):
    """A story in a column; `why` is the reason why it is there."""

    story: Story
    mark: Mark
    why: str


class Column(Struct, frozen=True):
    """`count` is the number of stories. The column Done has only the latest in `spots`."""

    name: str
    spots: Sequence[Spot]
    count: int

    @property
    def heading(self) -> str:
        return f"{self.name} {self.count}" if self.count else self.name


def columns_of(live: Live) -> tuple[Column, ...]:
    """Return the columns. In each, running stories come first, then throttled, blocked and idle ones."""
    columns = []
    for name, stages in NAMES:
        cards = [card for stage in stages for card in live.board.stages.get(stage, ())]
        cards.sort(key=lambda card: _FIRST.index(card.state))
        spots = [Spot(card.story, MARKS[card.state], card.why) for card in cards]
        columns.append(Column(name, spots, len(spots)))
    done = [Spot(story, Mark.DONE, "done") for story in live.done]
    return (*columns, Column("Done", done, live.board.counts.get(StageName.DONE, 0)))


def find(columns: Sequence[Column], story: StoryId | None) -> Spot | None:
    """Return the spot of a story, else the first one, or None if there is no story."""
    spots = [spot for column in columns for spot in column.spots]
    return next((spot for spot in spots if spot.story.id == story), spots[0] if spots else None)


def step(columns: Sequence[Column], selected: StoryId | None, press: Press) -> StoryId | None:
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


def column_rows(columns: Sequence[Column], selected: StoryId | None, width: int, lines: int) -> list[Row]:
    """Return at most `lines` rows: a heading, and stories. A long column shows the part around the selected story."""
    blocks = [_rows(column, selected, lines) for column in columns]
    rows = blocks.pop()
    for block, wide in zip(reversed(blocks), reversed(_widths(columns, width)[:-1]), strict=True):
        rows = beside(block, rows, wide)
    return rows


def _within(number: int, count: int) -> int:
    return max(0, min(number, count - 1))


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Return the width of each column: that of its heading if it is empty, else a part of the rest."""
    widths = [0 if column.spots else max(_LEAST, len(column.heading)) for column in columns]
    filled = [number for number, column in enumerate(columns) if column.spots]
    rest = max(width - GAP * (len(columns) - 1) - sum(widths), 0)
    for position, number in enumerate(filled):
        widths[number] = (rest + len(filled) - 1 - position) // len(filled)
    return widths


def _rows(column: Column, selected: StoryId | None, lines: int) -> list[Row]:
    room = max(lines - 1, 0)
    height = next((height for height, spot in enumerate(column.spots) if spot.story.id == selected), 0)
    first = _within(height - room + 2, max(len(column.spots) - room + 1, 1)) if height > room - 2 else 0
    shown = column.spots[first : first + room]
    hidden = column.count - first - len(shown)
    if hidden > 0 and shown:
        shown, hidden = shown[:-1], hidden + 1
    digits = max((len(str(spot.story.id)) for spot in shown), default=1)
    rows = [line(column.heading, "bold" if column.count else "dim")]
    rows += [_story_row(spot, digits, is_selected=spot.story.id == selected) for spot in shown]
    if hidden > 0 and room:
        rows.append((Field("", _MARK), Field(f"+{hidden} more", style="dim")))
    return rows


def _story_row(spot: Spot, digits: int, *, is_selected: bool) -> Row:
    style = "reverse" if is_selected else ""
    return (
        Field(render.mark(spot.mark), _MARK, style=style),
        Field(spot.story.id, digits, right=True, style=style),
        Field("›" if is_selected else "", 1, style=style),
        Field(spot.story.draft.title, style=style),
    )
