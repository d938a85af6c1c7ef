"""Runs whose lock is free: found without the config, and recorded as ended whatever it says."""

import os

from huskies_core.context import Context
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.runs.end import end_if_dead
from huskies_core.store import runs
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Run
from huskies_core.supervisor.liveness import is_alive
from huskies_core.supervisor.run_directory import RunDirectory


def dead_runs(context: Context, db: Connection) -> tuple[PlannedStep, ...]:
    return tuple(release_of(context, run) for run in runs.live(db) if is_dead(context, run))


def is_dead(context: Context, run: Run) -> bool:
    return not is_alive(RunDirectory(context.project.run_dir(run.id)))


def release_of(context: Context, run: Run) -> PlannedStep:
    # Not read before its end is recorded: a broken one is that run's trouble, not all runs'.
    ended = os.path.exists(RunDirectory(context.project.run_dir(run.id)).exit)
    verb = Verb.END_RUN if ended else Verb.RELEASE_RUN
    why = "ended, not recorded" if ended else "its supervisor is dead"
    return PlannedStep(verb, run.story, f"run {run.id}: {why}", run=run.id)


def end_dead_run(context: Context, action: PlannedStep) -> str:
    assert action.run is not None
    with context.store.reading() as db:
        run = runs.load(db, action.run)
    end_if_dead(context, run, context.now())
    return action.detail
