"""The board as a picture."""

from datetime import datetime

from huskies_cli import render
from huskies_cli.live.board_page import Screen, board_rows
from huskies_core.tools.live import Live

WIDTH, LINES = 110, 30


def board_svg(live: Live, name: str, now: datetime) -> str:
    """An SVG of a screen of `WIDTH` columns and `LINES` lines. `name` is the project's."""
    rows = board_rows(live, Screen(WIDTH, LINES, is_picture=True), name, now)
    return render.svg(rows, WIDTH, "huskies watch")
