"""`huskies advance RUN`: the supervisor of a run calls it at the end."""

from huskies_cli.command import own_command
from huskies_cli.output import Result
from huskies_cli.run_end import advance_run
from huskies_cli.session import Session
from huskies_core.operations.common_arguments import RunArgument
from huskies_core.operations.operation import PASSES, Command


@own_command(Command("advance", PASSES, is_hidden=True))
def advance(session: Session, run: RunArgument) -> Result:
    """Record the end of a run and run the passes that follow.

    It is safe to call again: a recorded end does not change.
    """
    return advance_run(session, run)
