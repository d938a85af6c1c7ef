"""Results as people read them. Everything here gives a string for the stdout of this process: coloured and
fitted on a terminal; plain, aligned and never cut elsewhere. Text from outside is cleaned on its way in."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from huskies_cli.streams import DUMB
from huskies_core.clock import from_iso
from huskies_core.sanitize import one_line, without_controls

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_UNCUT = 100_000


@dataclass(frozen=True)
class Styled:
    """One line of text with a style of rich, such as `red` or `bold cyan`."""

    text: str
    style: str


@dataclass(frozen=True)
class Figure:
    """A number as it is written, such as `1,200` or `$0.05`: its column goes to the right, as those of numbers do."""

    text: str


@dataclass(frozen=True)
class Printed:
    """A line as a program printed it: its spaces stay."""

    text: str


Cell = str | int | float | None | Styled | Figure | Printed


@dataclass(frozen=True)
class Field:
    """A cell in so many columns of a terminal: cut to them, and filled up. A `style` lies over that of the cell."""

    cell: Cell
    width: int
    right: bool = False
    style: str = ""


Row = tuple[Field, ...]


class Mark(StrEnum):
    """What a story or an agent is about; each is told apart without colour."""

    IDLE = "○"
    RUNNING = "●"
    THROTTLED = "◑"
    BLOCKED = "✗"
    DONE = "✓"


_MARK_STYLES = {
    Mark.IDLE: "dim",
    Mark.RUNNING: "green",
    Mark.THROTTLED: "yellow",
    Mark.BLOCKED: "red",
    Mark.DONE: "blue",
}


def mark(kind: Mark, text: str = "") -> Styled:
    """A mark, and behind it what it stands for."""
    return Styled(f"{kind} {text}".rstrip(), _MARK_STYLES[kind])


def link(path: Path) -> Styled:
    """A path that leads to what is there, in terminals that have links."""
    is_known = os.environ.get("TERM") not in ("linux", *DUMB)
    return Styled(str(path), f"link {path.absolute().as_uri()}" if is_known else "")


def styled(text: str, style: str) -> Styled:
    return Styled(text, style)


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Columns under their names; numbers to the right. Without rows: nothing at all."""
    from rich.table import Table

    lines = [list(row) for row in rows]
    if not lines:
        return ""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for position, name in enumerate(columns):
        numbers = all(isinstance(line[position], int | float | Figure | None) for line in lines)
        grid.add_column(name.upper(), justify="right" if numbers else "left", overflow="fold")
    for line in lines:
        grid.add_row(*(_cell(cell) for cell in line))
    return _draw(grid)


def fields(pairs: Iterable[tuple[str, Cell]]) -> str:
    """One line each: a name, aligned, and its value. A value that is None or empty is left out."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None and value != "":
            grid.add_row(name, _cell(value))
    return _draw(grid)


def bar(done: int, of: int, width: int) -> str:
    """How far something is, in so many columns."""
    from rich.progress_bar import ProgressBar

    return _draw(ProgressBar(total=of, completed=done, width=width, complete_style="green"), width=width)


def heading(text: str) -> str:
    return line(Styled(text, "bold"))


def line(*cells: Cell) -> str:
    """Cells on one line, a space between them."""
    from rich.text import Text

    return _draw(Text(" ").join(_cell(cell) for cell in cells))


def rows(lines: Iterable[Row]) -> list[str]:
    """A line each, its fields beside each other."""
    return _draw(text_of(lines), width=_UNCUT).split("\n")


def folded(text: str, width: int) -> list[str]:
    """A line of text as the lines of a terminal that it takes."""
    from rich.cells import chop_cells

    return chop_cells(without_controls(text).expandtabs(), width) or [""]


def block(text: str, indent: int = 2) -> str:
    """Text of several lines as it is, indented."""
    return "\n".join(f"{' ' * indent}{part}".rstrip() for part in without_controls(text).splitlines())


def paragraphs(*parts: str) -> str:
    """The parts that are not empty, an empty line between them."""
    return "\n\n".join(part for part in parts if part)


def age(moment: datetime | str, now: datetime) -> str:
    """How long ago, in one unit: `12s`, `5m`, `3h`, `2d`. What lies ahead has no age: `0s`."""
    then = from_iso(moment) if isinstance(moment, str) else moment
    return duration((now - then) / timedelta(seconds=1))


def duration(seconds: float) -> str:
    whole = max(0, int(seconds))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole >= size * (2 if unit == "d" else 1):
            return f"{whole // size}{unit}"
    return f"{whole}s"


def money(usd: float) -> str:
    """Dollars, with cents; what is less than a cent and more than nothing is shown as such."""
    return "<$0.01" if 0 < usd < 0.005 else f"${usd:,.2f}"


def cost(usd: float) -> str:
    """What a run has cost as far as it told: `-` where it told nothing."""
    return money(usd) if usd else "-"


def _cell(cell: Cell) -> "Text":
    from rich.text import Text

    if isinstance(cell, Styled):
        return Text(one_line(cell.text), style=cell.style)
    if isinstance(cell, Figure):
        return Text(cell.text)
    if isinstance(cell, Printed):
        return Text(" ".join(without_controls(cell.text).splitlines()))
    return Text("" if cell is None else one_line(str(cell)))


def text_of(lines: Iterable[Row]) -> "Text":
    """What `rows` draws, as rich has it."""
    from rich.text import Text

    return Text("\n").join(Text("").join(map(_field, row)) for row in lines)


def _field(field: Field) -> "Text":
    from rich.cells import cell_len

    text = _cell(field.cell if field.width else "")
    text.truncate(field.width, overflow="ellipsis")
    space = " " * (field.width - cell_len(text.plain))
    text = text.__class__.assemble(space, text) if field.right else text.append(space)
    if field.style:
        text.stylize(field.style)
    return text


def _draw(renderable: "RenderableType", width: int = 0) -> str:
    """`width` 0 is that of the terminal."""
    console = _console(width)
    console.print(renderable, soft_wrap=False, highlight=False, markup=False, emoji=False)
    drawn = console.file
    text = drawn.getvalue() if isinstance(drawn, StringIO) else ""
    return "\n".join(part.rstrip() for part in text.splitlines())


def _console(asked: int) -> "Console":
    """A console that draws into memory what fits our stdout."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    colours = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in DUMB
    width = asked or (os.get_terminal_size(sys.stdout.fileno()).columns if terminal else 0)
    return Console(
        file=StringIO(),
        force_terminal=colours,
        color_system="auto" if colours else None,
        no_color=not colours,
        width=max(width, 40) if width else _UNCUT,
        legacy_windows=False,
    )
