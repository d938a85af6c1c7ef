"""Fit rows to a screen: distribute its lines, stack sections, and put blocks side by side."""

from collections.abc import Sequence
from itertools import zip_longest

from msgspec import Struct

from huskies_cli.render import Field, Row, fit

GAP = 2
"""Columns between two blocks."""
_ROOMY = 24
"""The least height with room for empty lines."""


class Section(Struct, frozen=True):
    """Rows below a heading, if it has one. The first `least` rows have priority over the other rows of all sections.

    If rows do not fit, the last line counts them; a section that `keeps_end` shows its last rows instead.
    """

    heading: Sequence[Row]
    rows: Sequence[Row]
    least: int = 2
    keeps_end: bool = False

    @property
    def height(self) -> int:
        return len(self.heading) + len(self.rows)

    def fitted(self, height: int) -> list[Row]:
        """Return at most `height` rows."""
        room = height - len(self.heading)
        if len(self.rows) <= room:
            shown = self.rows
        elif self.keeps_end:
            shown = self.rows[-room:]
        else:
            shown = [*self.rows[: room - 1], line(f"and {len(self.rows) - room + 1} more", "dim")]
        return [*self.heading, *shown]


def share_out(full_heights: Sequence[int], least: Sequence[int], lines: int) -> list[int]:
    """Return the lines of each block: first its least height, in order, then one by one up to its full height."""
    heights: list[int] = []
    for most, few in zip(full_heights, least, strict=True):
        heights.append(min(most, few, lines - sum(heights)))
    while sum(heights) < min(lines, sum(full_heights)):
        for number, most in enumerate(full_heights):
            if heights[number] < most and sum(heights) < lines:
                heights[number] += 1
    return heights


def stacked(sections: Sequence[Section], lines: int) -> list[Row]:
    """Return the sections that have rows in at most `lines` rows, with empty lines between them if they fit.

    A section without room for a row is left out.
    """
    filled = [section for section in sections if section.rows]
    full_heights = [section.height for section in filled]
    least = [len(section.heading) + section.least for section in filled]
    gaps = len(filled) - 1
    space: list[Row] = [()] if sum(full_heights) + gaps <= lines or lines >= _ROOMY else []
    heights = share_out(full_heights, least, max(lines - gaps * len(space), 0))
    blocks = list(zip(filled, heights, strict=True))
    cramped = [section for section, height in blocks if height <= len(section.heading)]
    if cramped:
        return stacked([section for section in filled if section is not cramped[-1]], lines)
    rows = [row for section, height in blocks for row in [*space, *section.fitted(height)]]
    return rows[len(space) :]


def beside(left: Sequence[Row], right: Sequence[Row], width: int) -> list[Row]:
    """Return two blocks of rows side by side; the left one is `width` columns wide."""
    pairs = zip_longest(left, right, fillvalue=())
    return [(*fit((*row, Field("")), width), Field("", GAP), *other) for row, other in pairs]


def line(text: str, style: str = "") -> Row:
    return (Field(text, style=style),)
