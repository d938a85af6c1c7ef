"""The board on a screen: a head, the stages as columns, and the sections below them."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from huskies_cli import render
from huskies_cli.live.columns import Spot, column_rows, columns_of, find
from huskies_cli.live.layout import GAP, beside, line, share_out, stacked
from huskies_cli.live.sections import feed_section, limits_section, needs_section, next_section, runs_section
from huskies_cli.render import Field, Mark, Row
from huskies_core.ids import StoryId
from huskies_core.operations.dashboard import Live
from huskies_core.passes.watch_loop import Message
from huskies_core.pipeline.stages import TERMINAL

TWO_BLOCKS = 150
"""The least width at which the sections are in two blocks side by side."""
_LEAST_LINES = 4
_KEYS = "q quit · p {pause} · ? keys · ←↑↓→ select · Enter its log · or a number and Enter"


class Screen(Struct, frozen=True):
    """The size of the screen, the selected story, the messages of the passes, and a `note` that replaces the keys.

    A picture has neither keys nor a note.
    """

    width: int
    lines: int
    selected: StoryId | None = None
    note: str = ""
    messages: Sequence[Message] = ()
    is_picture: bool = False


def board_rows(live: Live, screen: Screen, name: str, now: datetime) -> list[Row]:
    """Return one row for each line of the screen. `name` is that of the project."""
    columns = columns_of(live)
    spot = None if screen.selected is None else find(columns, screen.selected)
    foot = [] if screen.is_picture else _foot(live, screen, spot)
    is_wide = screen.width >= TWO_BLOCKS
    left = (screen.width - GAP) // 2 if is_wide else screen.width
    work = [runs_section(live, left, now), needs_section(live.board), limits_section(live.board)]
    events = [next_section(live.timers, now), feed_section(live.feed, screen.messages, now)]
    blocks = [work, events] if is_wide else [[*work, *events]]
    # Each section is followed by an empty line.
    heights = [sum(section.height + 1 for section in block if section.rows) for block in blocks]
    longest = 1 + max(len(column.spots) for column in columns)
    room = screen.lines - 2 - len(foot)
    least = (max(_LEAST_LINES, room // 3), room)
    upper, lower = share_out((longest, max(heights)), least, max(room, 0))
    stages = column_rows(columns, None if spot is None else spot.story.id, screen.width, upper)
    sections = [stacked(block, lower - 1) for block in blocks]
    below = beside(sections[0], sections[1], left) if is_wide else sections[0]
    rows = [_head(live, name, screen.width), (), *stages, (), *below]
    height = max(screen.lines - len(foot), 0)
    return [*rows[:height], *[()] * (height - len(rows)), *foot]


def _head(live: Live, name: str, width: int) -> Row:
    board = live.board
    finished = sum(count for stage, count in board.counts.items() if stage in TERMINAL)
    counts = (
        (Mark.RUNNING, len(live.runs), "running"),
        (Mark.BLOCKED, len(board.needs), "for you"),
        (Mark.DONE, finished, "finished"),
    )
    facts = [render.mark(mark, f"{count} {text}") for mark, count, text in counts if count]
    if board.limits:
        facts.append(render.Styled(f"{render.money(board.limits.day.spent_usd)} today", ""))
    if live.pause is not None:
        facts.append(render.Styled("paused", "bold yellow"))
    fields = [Field(fact, len(fact.text) + 3) for fact in facts]
    rest = width - sum(len(fact.text) + 3 for fact in facts)
    return (Field(f"huskies {name}", max(rest, 12), style="bold"), *fields)


def _foot(live: Live, screen: Screen, spot: Spot | None) -> list[Row]:
    """Return the selected story with the reason why it is where it is, then the note or the keys."""
    reason = "" if spot is None else f"{spot.story.id} {spot.story.draft.title}: {spot.why}"
    keys = _KEYS.format(pause="resume" if live.pause is not None else "pause")
    return [line(reason, "dim"), line(screen.note) if screen.note else line(keys, "dim")]
