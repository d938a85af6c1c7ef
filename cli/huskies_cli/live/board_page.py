"""The board as it fills a screen: a head, the stages as columns, and below them all that is going on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from huskies_cli import render
from huskies_cli.live.columns import Spot, columns_of, drawn, find, height_of
from huskies_cli.live.layout import GAP, Section, beside, cut, line, share_out, stacked
from huskies_cli.live.sections import (
    Message,
    feed_section,
    limits_section,
    needs_section,
    next_section,
    runs_section,
)
from huskies_cli.render import Field, Mark, Row
from huskies_core.operations.dashboard import Live
from huskies_core.pipeline.stages import TERMINAL

TWO_BLOCKS = 150
"""From so many columns on what is going on stands in two blocks side by side."""
_LEAST_LINES = 4
_KEYS = "q quit · p {pause} · ? keys · ←↑↓→ select · Enter its log · or a number and Enter"


@dataclass(frozen=True)
class Screen:
    """How large it is, and what is on it beside the board: which story is selected, and the `note` that takes the
    place of the keys. `messages` are what passes said. A picture has no keys, and `is_picture`."""

    width: int
    lines: int
    selected: int | None = None
    note: str = ""
    messages: Sequence[Message] = ()
    is_picture: bool = False


def board_rows(live: Live, screen: Screen, name: str, now: datetime) -> list[Row]:
    """As many rows as the screen has. `name` is the project's."""
    columns = columns_of(live)
    spot = None if screen.selected is None else find(columns, screen.selected)
    width = screen.width
    foot = [] if screen.is_picture else [_about(spot, width), _keys(live, screen)]
    room = screen.lines - 2 - len(foot)
    below = _blocks(live, screen, now)
    wanted = (height_of(columns), max(map(_height, below)))
    high, low = share_out(wanted, (max(_LEAST_LINES, room // 3), room), max(room, 0))
    top = drawn(columns, None if spot is None else spot.story.id, width, high)
    rows = [_head(live, name, width), (), *top, (), *_lower(below, width, low - 1)]
    return [cut(row, width) for row in [*_exactly(rows, screen.lines - len(foot)), *foot]]


def _lower(blocks: Sequence[Sequence[Section]], width: int, lines: int) -> list[Row]:
    if len(blocks) == 1:
        return stacked(blocks[0], width, lines)
    left, right = _halves(width)
    return beside(stacked(blocks[0], left, lines), stacked(blocks[1], right, lines), left)


def _blocks(live: Live, screen: Screen, now: datetime) -> list[list[Section]]:
    """What is at work, and what comes and came, in one block or in one each."""
    left, right = (screen.width, screen.width) if screen.width < TWO_BLOCKS else _halves(screen.width)
    at_work = [
        runs_section(live, left, now),
        needs_section(live.board, left),
        limits_section(live.board, left),
    ]
    told = [next_section(live.timers, right, now), feed_section(live.feed, screen.messages, right, now)]
    return [[*at_work, *told]] if screen.width < TWO_BLOCKS else [at_work, told]


def _halves(width: int) -> tuple[int, int]:
    left = (width - GAP) // 2
    return left, width - GAP - left


def _height(sections: Sequence[Section]) -> int:
    """With the empty lines between them."""
    return sum(len(section.head) + len(section.rows) + 1 for section in sections if section.rows)


def _head(live: Live, name: str, width: int) -> Row:
    board = live.board
    over = sum(count for stage, count in board.counts.items() if stage in TERMINAL)
    facts: list[tuple[render.Cell, bool]] = [
        (render.mark(Mark.RUNNING, f"{len(live.runs)} running"), bool(live.runs)),
        (render.mark(Mark.BLOCKED, f"{len(board.needs)} for you"), bool(board.needs)),
        (render.mark(Mark.DONE, f"{over} over"), bool(over)),
        (f"{render.money(board.limits.day.usd)} today" if board.limits else "", True),
        (render.styled("paused", "bold yellow"), live.pause is not None),
    ]
    shown = [(cell, len(_text(cell)) + 3) for cell, is_so in facts if is_so and _text(cell)]
    rest = width - sum(size for _, size in shown)
    return (Field(f"huskies  {name}", max(rest, 12), style="bold"), *(Field(*one) for one in shown))


def _text(cell: render.Cell) -> str:
    return cell.text if isinstance(cell, render.Styled) else str(cell)


def _about(spot: Spot | None, width: int) -> Row:
    """The story that is selected, and why it is where it is."""
    return line("" if spot is None else f"{spot.story.id} {spot.story.draft.title}: {spot.why}", width, "dim")


def _keys(live: Live, screen: Screen) -> Row:
    keys = _KEYS.format(pause="resume" if live.pause is not None else "pause")
    return line(screen.note or keys, screen.width, "" if screen.note else "dim")


def _exactly(rows: Sequence[Row], lines: int) -> list[Row]:
    return [*rows[: max(lines, 0)], *[()] * (lines - len(rows))]
