"""`huskies status`: the board."""

from pathlib import Path
from typing import Annotated

import typer

from huskies_cli.board import draw_board
from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import session_of
from huskies_cli.tick_advice import tick_advice
from huskies_core.clock import utc_now
from huskies_core.context import Context, open_context
from huskies_core.errors import HuskiesError
from huskies_core.operations.board import read_board
from huskies_core.operations.board_documents import board_document
from huskies_core.operations.dashboard import read_live
from huskies_core.operations.files import write_whole
from huskies_core.operations.runs import troubles

Svg = Annotated[
    Path | None,
    typer.Option("--svg", metavar="FILE", help="Draw it into this file instead.", show_default=False),
]


def show_status(ctx: typer.Context, svg: Svg = None) -> Result:
    """Show the board: stages, runs, what needs a person.

    The open stories by stage, with what each waits for; the live runs, with their age, the time since they last printed
    anything, turns and cost; what only a person can move, with the command for it; and the limits that are reached.
    With --svg the board of 'huskies watch' is written into a file, as a picture.
    """
    with open_context(session_of(ctx).start) as context:
        if svg is not None:
            return _draw(context, svg)
        board = read_board(context)
        talk = () if board.trouble else tick_advice(context)
    errors = map(ErrorItem.of, (*troubles(board.runs), *([board.trouble] if board.trouble else [])))
    now = utc_now()
    done = len(board.stages) + 1
    result = Result.of_items(board_document(board), lambda: draw_board(board, now), errors, done=done)
    return Result(result.data, result.text, result.status, result.errors, talk)


def _draw(context: Context, svg: Path) -> Result:
    from huskies_cli.live.svg import board_svg

    live = read_live(context)
    try:
        write_whole(svg, board_svg(live, context.project.root.name, utc_now()))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        hint = "Name a file in a folder that exists."
        raise HuskiesError(
            f"{svg} cannot be written", hint=hint, code="not_writable", subject=str(svg)
        ) from error
    return Result({**board_document(live.board), "svg": str(svg)}, f"wrote {svg}")
