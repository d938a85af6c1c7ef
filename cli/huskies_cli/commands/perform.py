"""`huskies perform`: the tool call of a timer or a trigger, in the process that was started for it."""

from typing import Annotated

import typer

from huskies_cli.options import whole_number
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.operations.run_action import perform as perform_firing
from huskies_core.runs.authorization import refuse_inside_run

Firing = Annotated[
    int,
    typer.Argument(parser=whole_number, metavar="FIRING", help="The firing's number.", show_default=False),
]


def perform(ctx: typer.Context, firing: Firing) -> Result:
    """Do the tool call of a timer or a trigger.

    Called by fire-timers and fire-triggers; it refuses everybody else, since a call is never done twice.
    """
    with open_context(session_of(ctx).start) as context:
        refuse_inside_run(context)
        return Result(text=perform_firing(context, firing))
