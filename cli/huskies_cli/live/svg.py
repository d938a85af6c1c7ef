"""The board as a picture of a terminal, in an SVG that needs nothing from elsewhere."""

import re
from datetime import datetime
from io import StringIO

from huskies_cli import render
from huskies_cli.live.board_page import Screen, board_rows
from huskies_core.operations.dashboard import Live

WIDTH, LINES = 110, 30
_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""What rich fills in; its own would have readers load a font from the network."""
_FONT, _CHARACTER = 20, 12.04
"""Height and width of a character as rich and the fonts above have it."""
_INDENTED = re.compile(
    r'x="(?P<x>[\d.]+)" (?P<y>y="[\d.]+") textLength="(?P<length>[\d.]+)"(?P<rest>[^>]*)>(?P<spaces>(?:&#160;)+)'
)


def board_svg(live: Live, name: str, now: datetime) -> str:
    """A screen of `WIDTH` columns and `LINES` lines. `name` is the project's."""
    from rich.console import Console

    rows = board_rows(live, Screen(WIDTH, LINES, is_picture=True), name, now)
    console = Console(
        file=StringIO(),
        record=True,
        width=WIDTH,
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
    )
    console.print(render.text_of(rows), soft_wrap=False, highlight=False, markup=False, emoji=False)
    drawn = console.export_svg(
        title="huskies watch", code_format=_SVG, unique_id="board", font_aspect_ratio=_CHARACTER / _FONT
    )
    whole = _INDENTED.sub(_moved, drawn)
    return "\n".join(part.rstrip() for part in whole.splitlines()) + "\n"


def _moved(found: re.Match[str]) -> str:
    """A text that begins where its first visible character is: not every viewer keeps the spaces."""
    spaces = found["spaces"].count("&#160;") * _CHARACTER
    at, length = (
        format(number, "g") for number in (float(found["x"]) + spaces, float(found["length"]) - spaces)
    )
    return f'x="{at}" {found["y"]} textLength="{length}"{found["rest"]}>'
