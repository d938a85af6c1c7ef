"""Rows fitted to a screen: how the lines are shared out, sections below each other, and blocks side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from huskies_cli.render import Field, Row

GAP = 2
"""Columns between two blocks."""
_ROOMY = 24
"""From so many lines on there is room for empty ones."""


@dataclass(frozen=True)
class Section:
    """Rows below a heading, or with their name beside the first of them. It gets `least` of them before any other gets
    more; those that do not fit are counted in its last row. Of one that `keeps_end` the last rows are kept, and nothing
    is counted."""

    heading: Row | None
    rows: Sequence[Row]
    least: int = 2
    keeps_end: bool = False

    @property
    def head(self) -> list[Row]:
        return [] if self.heading is None else [self.heading]


def share_out(wanted: Sequence[int], least: Sequence[int], lines: int) -> list[int]:
    """How many lines each one gets: first what it needs at least, the first ones first, then in turns up to what it
    wants."""
    given: list[int] = []
    for most, few in zip(wanted, least, strict=True):
        given.append(min(most, few, lines - sum(given)))
    while sum(given) < min(lines, sum(wanted)):
        for place, most in enumerate(wanted):
            if given[place] < most and sum(given) < lines:
                given[place] += 1
    return given


def stacked(sections: Sequence[Section], width: int, lines: int) -> list[Row]:
    """The sections that have rows, below each other, in so many lines at most; an empty line between them where there
    is room for it. One that is left no row is left out."""
    there = [section for section in sections if section.rows]
    wanted = [len(section.head) + len(section.rows) for section in there]
    gaps = len(there) - 1
    space: list[Row] = [()] if sum(wanted) + gaps <= lines or lines >= _ROOMY else []
    least = [len(section.head) + section.least for section in there]
    given = share_out(wanted, least, max(lines - gaps * len(space), 0))
    cramped = [one for one, height in zip(there, given, strict=True) if height <= len(one.head)]
    if cramped:
        return stacked([section for section in there if section is not cramped[-1]], width, lines)
    blocks = (_fitted(section, width, height) for section, height in zip(there, given, strict=True))
    return [row for number, block in enumerate(blocks) for row in [*(space if number else []), *block]]


def beside(left: Sequence[Row], right: Sequence[Row], width: int) -> list[Row]:
    """Two blocks of rows, the left one in so many columns."""
    height = max(len(left), len(right))
    blank: Row = (Field("", width),)
    pairs = zip(_filled(left, height, blank), _filled(right, height, ()), strict=True)
    return [(*_widened(one, width), Field("", GAP), *other) for one, other in pairs]


def line(text: str, width: int, style: str = "") -> Row:
    return (Field(text, width, style=style),)


def cut(row: Row, width: int) -> Row:
    """The row without what would lie beyond so many columns."""
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
    left = len(section.rows) - room + 1
    return [*section.head, *section.rows[: room - 1], line(f"and {left} more", width, "dim")]


def _widened(row: Row, width: int) -> Row:
    return (*row, Field("", width - width_of(row))) if width_of(row) < width else row


def _filled(rows: Sequence[Row], height: int, blank: Row) -> Iterable[Row]:
    return [*rows, *[blank] * (height - len(rows))]
