"""The end of a run: its record, and the passes that follow."""

import os

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.passes import pass_sequence
from huskies_core.passes.steps import PassReport
from huskies_core.runs.end import end_run
from huskies_core.store import runs
from huskies_core.supervisor.liveness import adopt_lock, take_lock
from huskies_core.supervisor.run_directory import RunDirectory


def advance_run(context: Context, run: int) -> tuple[PassReport, ...]:
    """Record the end of a run, which needs no configuration, and run the passes that follow.

    A recorded end does not change. If the process is killed after the record, the next tick runs the passes. Raise
    HuskiesError `run_alive` if another process has the lock of the run.
    """
    _record_end(context, run)
    return pass_sequence.after_run(context)


def _record_end(context: Context, number: int) -> None:
    """Record the end under the lock of the run, which the supervisor hands over to this process."""
    with context.store.reading() as db:
        if not runs.load(db, number).is_live:
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
