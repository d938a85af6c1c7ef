"""The board as an SVG picture of a terminal, without fonts or other files of a server."""

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
"""The template that rich fills. Its own template loads a font from the network."""
_FONT, _CHARACTER = 20, 12.04
"""Height and width of a character, in rich and in the fonts above."""
_INDENTED = re.compile(
    r'x="(?P<x>[\d.]+)" (?P<y>y="[\d.]+") textLength="(?P<length>[\d.]+)"(?P<rest>[^>]*)>(?P<spaces>(?:&#160;)+)'
)


def board_svg(live: Live, name: str, now: datetime) -> str:
    """Return a screen of WIDTH columns and LINES lines. `name` is that of the project."""
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
    console.print(render.text_of(rows, WIDTH), soft_wrap=False, highlight=False, markup=False, emoji=False)
    svg = console.export_svg(
        title="huskies watch", code_format=_SVG, unique_id="board", font_aspect_ratio=_CHARACTER / _FONT
    )
    return "\n".join(row.rstrip() for row in _INDENTED.sub(_unindented, svg).splitlines()) + "\n"


def _unindented(match: re.Match[str]) -> str:
    """Return the text element without leading spaces, moved to the right: not every viewer keeps the spaces."""
    indent = match["spaces"].count("&#160;") * _CHARACTER
    x, length = float(match["x"]) + indent, float(match["length"]) - indent
    return f'x="{x:g}" {match["y"]} textLength="{length:g}"{match["rest"]}>'
