"""`huskies pause` and `huskies resume`."""

from typing import Annotated

import typer

from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.operations.pause import pause_document, pause_starting, resume_starting

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; 'status' shows it.")]


def pause(ctx: typer.Context, reason: Reason = "") -> Result:
    """Start no more agents.

    Those at work go on, and so do gates and merges; 'agent start' starts one all the same. 'resume' ends it. Paused
    again, it stays as it was.
    """
    with open_context(session_of(ctx).start) as context:
        found = pause_starting(context, reason)
    why = f": {found.reason}" if found.reason else ""
    text = f"paused since {found.since} by {found.by}{why}"
    return Result({"pause": pause_document(found)}, text, talk=("'huskies resume' ends it.",))


def resume(ctx: typer.Context) -> Result:
    """Start agents again.

    Ends what 'pause' began; where nothing was paused it changes nothing.
    """
    with open_context(session_of(ctx).start) as context:
        ended = resume_starting(context)
    text = "" if ended is None else f"resumed; it was paused since {ended.since}"
    talk = ("nothing was paused",) if ended is None else ()
    return Result({"pause": None, "ended": pause_document(ended)}, text, talk=talk)
