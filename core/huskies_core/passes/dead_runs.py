"""Find dead runs by their free lock and record their end. This needs no configuration."""

import os
from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.runs.end import end_if_dead
from huskies_core.store import runs
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Run
from huskies_core.supervisor.liveness import is_alive
from huskies_core.supervisor.run_directory import RunDirectory


@dataclass(frozen=True, kw_only=True)
class EndDeadRun(PlannedStep):
    run: int


def dead_runs(context: Context, db: Connection) -> tuple[EndDeadRun, ...]:
    """Return a step for each live run with a free lock."""
    return tuple(step for run in runs.live(db) if (step := end_if_lock_is_free(context, run)) is not None)


def end_if_lock_is_free(context: Context, run: Run) -> EndDeadRun | None:
    """Return the step that records the end of a dead run; None while a process holds its lock."""
    directory = RunDirectory(context.project.run_dir(run.id))
    if is_alive(directory):
        return None
    # The step reads exit.json, not the plan: an unreadable file must fail only this run.
    ended = os.path.exists(directory.exit)
    why = "ended, not recorded" if ended else "its supervisor is dead"
    verb = Verb.END_RUN if ended else Verb.RELEASE_RUN
    return EndDeadRun(verb, run.story, f"run {run.id}: {why}", run=run.id)


def end_dead_run(context: Context, step: EndDeadRun) -> str:
    """Record the end of a dead run. Do nothing if it is recorded already."""
    with context.store.reading() as db:
        run = runs.load(db, step.run)
    end_if_dead(context, run, context.now())
    return step.detail
