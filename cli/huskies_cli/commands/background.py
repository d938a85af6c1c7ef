"""Hidden commands, which Huskies starts itself: the end of a run, a tool call, a notification."""

from typing import Annotated

from huskies_cli.command import own_command
from huskies_cli.output import Result
from huskies_cli.session import Session
from huskies_core.argument import Argument, parse_count
from huskies_core.ids import ExecutionId, NotificationId
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.common_arguments import RunArgument
from huskies_core.operations.operation import PASSES, Command

Execution = Annotated[
    ExecutionId,
    Argument("The number of the execution.", metavar="EXECUTION", positional=True, parse=parse_count),
]
Notification = Annotated[
    NotificationId,
    Argument("The number of the notification.", metavar="NOTIFICATION", positional=True, parse=parse_count),
]


@own_command(Command("advance", PASSES, is_hidden=True))
def advance(session: Session, run: RunArgument) -> Result:
    """Record the end of a run and run the passes that follow.

    A second call for the same run does not change the recorded end.
    """
    from huskies_cli.reports import advance_run

    return advance_run(session, run)


@own_command(Command("perform", PASSES, is_hidden=True))
def perform(session: Session, execution: Execution) -> Result:
    """Run the tool call of a timer or a trigger.

    Only fire-timers and fire-triggers may call this command, because a tool call must not run twice.
    """
    from huskies_core.operations.run_action import run_action

    with session.open() as context:
        refuse_inside_run(context)
        return Result(text=run_action(context, execution))


@own_command(Command("deliver", PASSES, is_hidden=True))
def deliver(session: Session, notification: Notification) -> Result:
    """Send a notification.

    Only notify may call this command, because a notification must not be sent twice.
    """
    from huskies_core.operations import notifications

    with session.open(actor="pass:notify") as context:
        refuse_inside_run(context)
        return Result(text=notifications.deliver(context, notification))
