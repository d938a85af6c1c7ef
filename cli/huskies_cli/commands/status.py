"""`huskies status`: the board."""

import typer

from huskies_cli.board import draw_board
from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import session_of
from huskies_cli.tick_advice import tick_advice
from huskies_core.clock import utc_now
from huskies_core.context import open_context
from huskies_core.tools.board import read_board
from huskies_core.tools.board_documents import board_document
from huskies_core.tools.runs import troubles


def show_status(ctx: typer.Context) -> Result:
    """Show the board: stages, runs, what needs a person.

    The open stories by stage, with what each waits for; the live runs, with their age, the time since they last printed
    anything, turns and cost; what only a person can move, with the command for it; and the limits that are reached.
    """
    with open_context(session_of(ctx).start) as context:
        board = read_board(context)
        talk = () if board.trouble else tick_advice(context)
    errors = map(ErrorItem.of, (*troubles(board.runs), *([board.trouble] if board.trouble else [])))
    now = utc_now()
    done = len(board.stages) + 1
    result = Result.of_items(board_document(board), lambda: draw_board(board, now), errors, done=done)
    return Result(result.data, result.text, result.status, result.errors, talk)
