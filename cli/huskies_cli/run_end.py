"""`advance`: record the end of a run in an open project, and report the passes that followed."""

from huskies_cli.output import Result
from huskies_cli.reports import result_of
from huskies_cli.session import Session
from huskies_core.ids import RunId
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.passes import pass_sequence


def advance_run(session: Session, run: RunId) -> Result:
    """Record the end of a run, run the passes that follow and return their report.

    Raise HuskiesError `run_alive` while the run lives.
    """
    with session.open(actor=f"run:{run}") as context:
        refuse_inside_run(context)
        return result_of("advance", pass_sequence.advance_run(context, run))
