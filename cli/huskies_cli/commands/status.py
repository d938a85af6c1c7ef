"""`huskies status`: the board."""

from pathlib import Path
from typing import Annotated

from huskies_cli.advice import tick_advice
from huskies_cli.board import draw_board
from huskies_cli.command import own_command
from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.board import board_json, read_board
from huskies_core.operations.dashboard import read_live
from huskies_core.operations.files import write_whole
from huskies_core.operations.operation import STORIES, Command


@own_command(Command("status", STORIES))
def show_status(
    session: Session,
    svg: Annotated[
        str | None, Argument("Draw the board into this file instead.", metavar="FILE", completion="file")
    ] = None,
) -> Result:
    """Show the board: stages, runs, stories that need a person.

    The board contains the open stories by stage, each with its first blocker; the live runs with their age, the time
    since their last output, turns and cost; the stories that need a person, each with a command that helps; and the
    limits in force. With --svg, the command draws the board of 'huskies watch' as a picture.
    """
    with session.open() as context:
        if svg is not None:
            return _draw(context, Path(svg))
        board = read_board(context)
        messages = () if board.config_error else tick_advice(context)
    now, errors = utc_now(), tuple(map(ErrorItem.of, board.errors))
    return Result(
        board_json(board), lambda: draw_board(board, now), errors, messages, done=len(board.stages) + 1
    )


def _draw(context: Context, svg: Path) -> Result:
    from huskies_cli.live.svg import board_svg

    live = read_live(context)
    try:
        write_whole(svg, board_svg(live, context.project.root.name, utc_now()))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        fact, hint = f"{svg} cannot be written", "Name a file in a folder that exists."
        raise HuskiesError(fact, hint=hint, code="not_writable", subject=str(svg)) from error
    return Result({**board_json(live.board), "svg": str(svg)}, f"wrote {svg}")
