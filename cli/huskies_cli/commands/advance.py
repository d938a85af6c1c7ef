"""`huskies advance RUN`: what the supervisor of a run calls at its end."""

import typer

from huskies_cli.options import RunId
from huskies_cli.output import Result
from huskies_cli.run_end import advance_run
from huskies_cli.session import session_of


def advance(ctx: typer.Context, run: RunId) -> Result:
    """Record the end of a run and what follows.

    Safe to call again: an end that is recorded stays as it is.
    """
    return advance_run(session_of(ctx), run)
