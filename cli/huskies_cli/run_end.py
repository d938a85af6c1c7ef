"""The end of a run, as its own supervisor brings it in: recorded under the lock it hands over, then followed up."""

import os

from huskies_cli.output import Result
from huskies_cli.project_context import open_context
from huskies_cli.reports import result_of
from huskies_cli.session import Session
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.passes import pass_sequence
from huskies_core.runs.end import end_run
from huskies_core.store import runs
from huskies_core.supervisor.liveness import adopt_lock, take_lock
from huskies_core.supervisor.run_directory import RunDirectory


def advance_run(session: Session, run: int) -> Result:
    """Records the end, which needs no config, then runs the passes that the story's new stage calls for.

    Killed after the record, the next tick does what is left. Raises HuskiesError `run_alive` while the run lives.
    """
    with open_context(session.start, actor=f"run:{run}") as context:
        refuse_inside_run(context)
        _record_end(context, run)
        return result_of("advance", pass_sequence.after_run(context))


def _record_end(context: Context, number: int) -> None:
    with context.store.reading() as db:
        run = runs.load(db, number)
    if not run.is_live:
        return
    directory = RunDirectory(context.project.run_dir(number))
    lock = adopt_lock(directory, context.environ)
    if lock is None:
        lock = take_lock(directory)
    if lock is None:
        hint = f"'huskies run kill {number}' ends it."
        raise HuskiesError(f"run {number} is alive", hint=hint, code="run_alive", subject=str(number))
    try:
        with context.store.reading() as db:
            run = runs.load(db, number)
        end_run(context, run, context.now())
    finally:
        os.close(lock)
