"""Text for people: tables, fields and lines for the stdout of this process.

On a terminal the text is coloured and fits the width; elsewhere it is plain, aligned and never cut. Control characters
in texts are removed."""

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from huskies_cli.streams import DUMB, shows_colours
from huskies_core.clock import from_iso
from huskies_core.sanitize import one_line, without_controls

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

_UNCUT = 100_000


class Styled(Struct, frozen=True):
    """One line of text with a style of rich, such as `red` or `bold cyan`."""

    text: str
    style: str


class Figure(str):
    """A formatted number, such as `1,200` or `$0.05`. Its column is aligned to the right, like that of numbers."""


class Printed(str):
    """A line that a program printed. Its spaces are kept."""


Cell = str | int | float | None | Styled


class Field(Struct, frozen=True):
    """A cell that is cut or padded to `width` columns of a terminal. `style` is added to that of the cell.

    The first field of a row without a width gets the rest of the line.
    """

    cell: Cell
    width: int | None = None
    right: bool = False
    style: str = ""


Row = tuple[Field, ...]


class Mark(StrEnum):
    """The marks of stories and runs. They differ without colours, too."""

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
    """Return a mark, followed by `text`."""
    return Styled(f"{kind} {text}".rstrip(), _MARK_STYLES[kind])


def link(path: Path) -> Styled:
    """Return a path, as a link on terminals that support links."""
    has_links = os.environ.get("TERM") not in ("linux", *DUMB)
    return Styled(str(path), f"link {path.absolute().as_uri()}" if has_links else "")


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table with headings, and numbers aligned to the right; "" without rows."""
    from rich.table import Table

    lines = list(rows)
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
    """Return a line for each name and value. Values that are None or empty are left out."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None and value != "":
            grid.add_row(name, _cell(value))
    return _draw(grid)


def heading(text: str) -> str:
    return line(Styled(text, "bold"))


def section(name: str, text: str) -> str:
    """Return the text below a heading; "" without text."""
    return f"{heading(name)}\n{text}" if text else ""


def line(*cells: Cell) -> str:
    """Return cells on one line, separated by spaces."""
    from rich.text import Text

    return _draw(Text(" ").join(_cell(cell) for cell in cells))


def rows(lines: Iterable[Row], width: int) -> list[str]:
    """Return each row as a line of at most `width` columns."""
    return _draw(text_of(lines, width), width=_UNCUT).split("\n")


def shortened(text: str, most: int = 100) -> str:
    """Return the text on one line; on a terminal, cut to `most` characters."""
    line = one_line(text)
    return line if len(line) <= most or not sys.stdout.isatty() else f"{line[: most - 1]}…"


def folded(text: str, width: int) -> list[str]:
    """Return a line of text folded to lines of `width` columns."""
    from rich.cells import chop_cells

    return chop_cells(without_controls(text).expandtabs(), width) or [""]


def block(text: str, indent: int = 2) -> str:
    """Return several lines of text, indented."""
    return "\n".join(f"{' ' * indent}{part}".rstrip() for part in without_controls(text).splitlines())


def paragraphs(*parts: str) -> str:
    """Return the parts that are not empty, separated by empty lines."""
    return "\n\n".join(part for part in parts if part)


def age(moment: datetime | str, now: datetime) -> str:
    """Return the time since a moment in one unit: `12s`, `5m`, `3h`, `2d`; `0s` for a moment in the future."""
    then = from_iso(moment) if isinstance(moment, str) else moment
    return duration((now - then).total_seconds())


def duration(seconds: float) -> str:
    whole = max(0, int(seconds))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole >= size * (2 if unit == "d" else 1):
            return f"{whole // size}{unit}"
    return f"{whole}s"


def money(usd: float) -> str:
    """Return US dollars with cents; `<$0.01` for less than half a cent that is not zero."""
    return "<$0.01" if 0 < usd < 0.005 else f"${usd:,.2f}"


def cost(usd: float) -> str:
    """Return the cost of a run, or `-` if the run reported none."""
    return money(usd) if usd else "-"


def _cell(cell: Cell) -> "Text":
    from rich.text import Text

    if isinstance(cell, Styled):
        return Text(one_line(cell.text), style=cell.style)
    if isinstance(cell, Printed):
        return Text(" ".join(without_controls(cell).splitlines()))
    return Text("" if cell is None else one_line(str(cell)))


def text_of(lines: Iterable[Row], width: int) -> "Text":
    """Return rows as a text of rich with at most `width` columns."""
    from rich.text import Text

    return Text("\n").join(Text("").join(map(_field, fit(row, width))) for row in lines)


def fit(row: Row, width: int) -> Row:
    """Return the row with a width for each field. Fields beyond `width` columns are cut."""
    rest = max(width - sum(field.width or 0 for field in row), 0)
    fields = []
    for field in row:
        fields.append(replace(field, width=min(rest if field.width is None else field.width, width)))
        width -= fields[-1].width or 0
    return tuple(fields)


def _field(field: Field) -> "Text":
    text = _cell(field.cell if field.width else "")
    width = field.width or 0
    text.truncate(width, overflow="ellipsis")
    text.align("right" if field.right else "left", width)
    if field.style:
        text.stylize(field.style)
    return text


def _draw(renderable: "RenderableType", width: int = 0) -> str:
    """Return the text that rich draws. A `width` of 0 is that of the terminal."""
    console = _console(width)
    console.print(renderable, soft_wrap=False, highlight=False, markup=False, emoji=False)
    text = console.file.getvalue() if isinstance(console.file, StringIO) else ""
    return "\n".join(part.rstrip() for part in text.splitlines())


def _console(width: int) -> "Console":
    """Return a console in memory with the width and the colours of stdout."""
    from rich.console import Console

    terminal, colours = sys.stdout.isatty(), shows_colours(sys.stdout)
    width = width or (os.get_terminal_size(sys.stdout.fileno()).columns if terminal else 0)
    return Console(
        file=StringIO(),
        force_terminal=colours,
        color_system="auto" if colours else None,
        no_color=not colours,
        width=max(width, 40) if width else _UNCUT,
        legacy_windows=False,
    )
