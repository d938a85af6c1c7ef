"""`huskies perform`: the tool call of a timer or a trigger, in a process of its own."""

from typing import Annotated

from huskies_cli.command import own_command
from huskies_cli.output import Result
from huskies_cli.session import Session
from huskies_core.argument import Argument, parse_count
from huskies_core.ids import ExecutionId
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.operation import PASSES, Command
from huskies_core.operations.run_action import run_action

Execution = Annotated[
    ExecutionId,
    Argument("The number of the execution.", metavar="FIRING", positional=True, parse=parse_count),
]


@own_command(Command("perform", PASSES, is_hidden=True))
def perform(session: Session, execution: Execution) -> Result:
    """Run the tool call of a timer or a trigger.

    Only fire-timers and fire-triggers may call it, since a call must not run twice.
    """
    with session.open() as context:
        refuse_inside_run(context)
        return Result(text=run_action(context, execution))
