"""The board on a screen: a head, the stages as columns, and the sections below them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from huskies_cli import render
from huskies_cli.live.columns import Spot, column_rows, columns_of, find, height_of
from huskies_cli.live.layout import GAP, Section, beside, cut, line, share_out, stacked, width_of
from huskies_cli.live.sections import (
    feed_section,
    limits_section,
    needs_section,
    next_section,
    runs_section,
)
from huskies_cli.render import Field, Mark, Row
from huskies_core.operations.dashboard import Live
from huskies_core.passes.watch_loop import Message
from huskies_core.pipeline.stages import TERMINAL

TWO_BLOCKS = 150
"""The least width at which the sections are in two blocks side by side."""
_LEAST_LINES = 4
_KEYS = "q quit · p {pause} · ? keys · ←↑↓→ select · Enter its log · or a number and Enter"


@dataclass(frozen=True)
class Screen:
    """The size of the screen, the selected story, the messages of the passes, and a `note` that replaces the keys.

    A picture has neither keys nor a note.
    """

    width: int
    lines: int
    selected: int | None = None
    note: str = ""
    messages: Sequence[Message] = ()
    is_picture: bool = False


def board_rows(live: Live, screen: Screen, name: str, now: datetime) -> list[Row]:
    """Return one row for each line of the screen. `name` is that of the project."""
    columns = columns_of(live)
    spot = None if screen.selected is None else find(columns, screen.selected)
    width = screen.width
    foot = [] if screen.is_picture else [_reason(spot, width), _keys(live, screen)]
    room = screen.lines - 2 - len(foot)
    blocks = _blocks(live, screen, now)
    heights = (height_of(columns), max(map(_height, blocks)))
    upper, lower = share_out(heights, (max(_LEAST_LINES, room // 3), room), max(room, 0))
    stages = column_rows(columns, None if spot is None else spot.story.id, width, upper)
    rows = [_head(live, name, width), (), *stages, (), *_sections(blocks, width, lower - 1)]
    height = screen.lines - len(foot)
    filled = [*rows[: max(height, 0)], *[()] * (height - len(rows))]
    return [cut(row, width) for row in [*filled, *foot]]


def _sections(blocks: Sequence[Sequence[Section]], width: int, lines: int) -> list[Row]:
    if len(blocks) == 1:
        return stacked(blocks[0], width, lines)
    left, right = _halves(width)
    return beside(stacked(blocks[0], left, lines), stacked(blocks[1], right, lines), left)


def _blocks(live: Live, screen: Screen, now: datetime) -> list[list[Section]]:
    """Return the sections: work in progress, then times and events. They are one block, or two on a wide screen."""
    left, right = (screen.width, screen.width) if screen.width < TWO_BLOCKS else _halves(screen.width)
    work = [
        runs_section(live, left, now),
        needs_section(live.board, left),
        limits_section(live.board, left),
    ]
    events = [next_section(live.timers, right, now), feed_section(live.feed, screen.messages, right, now)]
    return [[*work, *events]] if screen.width < TWO_BLOCKS else [work, events]


def _halves(width: int) -> tuple[int, int]:
    left = (width - GAP) // 2
    return left, width - GAP - left


def _height(sections: Sequence[Section]) -> int:
    """Return the lines of the sections and of the empty lines after them."""
    return sum(len(section.head) + len(section.rows) + 1 for section in sections if section.rows)


def _head(live: Live, name: str, width: int) -> Row:
    board = live.board
    finished = sum(count for stage, count in board.counts.items() if stage in TERMINAL)
    facts: list[tuple[render.Cell, bool]] = [
        (render.mark(Mark.RUNNING, f"{len(live.runs)} running"), bool(live.runs)),
        (render.mark(Mark.BLOCKED, f"{len(board.needs)} for you"), bool(board.needs)),
        (render.mark(Mark.DONE, f"{finished} finished"), bool(finished)),
        (f"{render.money(board.limits.day.usd)} today" if board.limits else "", True),
        (render.styled("paused", "bold yellow"), live.pause is not None),
    ]
    fields = [Field(cell, len(_text(cell)) + 3) for cell, is_shown in facts if is_shown and _text(cell)]
    rest = width - width_of(tuple(fields))
    return (Field(f"huskies  {name}", max(rest, 12), style="bold"), *fields)


def _text(cell: render.Cell) -> str:
    return cell.text if isinstance(cell, render.Styled) else str(cell)


def _reason(spot: Spot | None, width: int) -> Row:
    """Return the selected story, and why it is where it is."""
    return line("" if spot is None else f"{spot.story.id} {spot.story.draft.title}: {spot.why}", width, "dim")


def _keys(live: Live, screen: Screen) -> Row:
    keys = _KEYS.format(pause="resume" if live.pause is not None else "pause")
    return line(screen.note or keys, screen.width, "" if screen.note else "dim")
