"""Fit rows to a screen: distribute its lines, stack sections, and put blocks side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from huskies_cli.render import Field, Row

GAP = 2
"""Columns between two blocks."""
_ROOMY = 24
"""The least height with room for empty lines."""


@dataclass(frozen=True)
class Section:
    """Rows below a heading. The first `least` rows have priority over the other rows of all sections.

    If rows do not fit, the last line counts them; a section that `keeps_end` shows its last rows instead.
    """

    heading: Row | None
    rows: Sequence[Row]
    least: int = 2
    keeps_end: bool = False

    @property
    def head(self) -> list[Row]:
        return [] if self.heading is None else [self.heading]


def share_out(wanted: Sequence[int], least: Sequence[int], lines: int) -> list[int]:
    """Return the lines of each block: first its least number, in order, then one by one up to the wanted number."""
    heights: list[int] = []
    for most, few in zip(wanted, least, strict=True):
        heights.append(min(most, few, lines - sum(heights)))
    while sum(heights) < min(lines, sum(wanted)):
        for number, most in enumerate(wanted):
            if heights[number] < most and sum(heights) < lines:
                heights[number] += 1
    return heights


def stacked(sections: Sequence[Section], width: int, lines: int) -> list[Row]:
    """Return the sections that have rows in at most `lines` rows, with empty lines between them if they fit.

    A section without room for a row is left out.
    """
    filled = [section for section in sections if section.rows]
    wanted = [len(section.head) + len(section.rows) for section in filled]
    gaps = len(filled) - 1
    space: list[Row] = [()] if sum(wanted) + gaps <= lines or lines >= _ROOMY else []
    least = [len(section.head) + section.least for section in filled]
    heights = share_out(wanted, least, max(lines - gaps * len(space), 0))
    cramped = [
        section for section, height in zip(filled, heights, strict=True) if height <= len(section.head)
    ]
    if cramped:
        return stacked([section for section in filled if section is not cramped[-1]], width, lines)
    blocks = (_fitted(section, width, height) for section, height in zip(filled, heights, strict=True))
    return [row for number, block in enumerate(blocks) for row in [*(space if number else []), *block]]


def beside(left: Sequence[Row], right: Sequence[Row], width: int) -> list[Row]:
    """Return two blocks of rows side by side; the left one is `width` columns wide."""
    pairs = zip_longest(left, right, fillvalue=())
    return [(*row, Field("", max(width - width_of(row), 0) + GAP), *other) for row, other in pairs]


def line(text: str, width: int, style: str = "") -> Row:
    return (Field(text, width, style=style),)


def cut(row: Row, width: int) -> Row:
    """Return the row without the fields beyond `width` columns."""
    if width_of(row) <= width:
        return row
    fields = []
    for field in row:
        fields.append(replace(field, width=min(field.width, width)))
        width -= fields[-1].width
    return tuple(fields)


def width_of(row: Row) -> int:
    return sum(field.width for field in row)


def _fitted(section: Section, width: int, height: int) -> list[Row]:
    room = height - len(section.head)
    if len(section.rows) <= room:
        return [*section.head, *section.rows]
    if section.keeps_end:
        return [*section.head, *section.rows[-room:]]
    hidden = len(section.rows) - room + 1
    return [*section.head, *section.rows[: room - 1], line(f"and {hidden} more", width, "dim")]
