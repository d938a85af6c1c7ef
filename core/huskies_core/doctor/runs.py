"""Checks of runs without a supervisor, run folders without a run, and processes left by ended runs."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial

from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck, check_absent
from huskies_core.humanize import format_count
from huskies_core.passes.dead_runs import dead_runs, end_dead_run
from huskies_core.sanitize import is_number
from huskies_core.store import runs
from huskies_core.supervisor.liveness import is_alive
from huskies_core.supervisor.processes import Process, is_running, marked_processes_by_run
from huskies_core.supervisor.run_directory import RunDirectory

_NEW = timedelta(minutes=1)
"""The age of a folder up to which the row of its run may be uncommitted."""


def check_runs(context: Context) -> Iterator[DoctorCheck]:
    # List folders and processes before the store: a run that starts later has no row in this snapshot.
    folders = tuple(_folders(context))
    processes = marked_processes_by_run(str(context.project.root))
    with context.store.reading() as db:
        dead = dead_runs(context, db)
        live = frozenset(run.id for run in runs.live(db))
        known = runs.recorded(db, folders)
    fix = "The next tick records how they ended. So does 'huskies doctor --fix'."
    yield check_absent("runs", [step.detail for step in dead], "{}", fix, partial(_end_dead, context))
    yield _unowned(context, sorted(set(folders) - known))
    yield _left_over(context, {run: own for run, own in processes.items() if run not in live})


def _folders(context: Context) -> Iterator[int]:
    limit = (context.now() - _NEW).timestamp()
    for path in context.project.runs_dir.glob("*"):
        if is_number(path.name) and path.is_dir() and path.stat().st_mtime < limit:
            yield int(path.name)


def _end_dead(context: Context) -> str:
    with context.store.reading() as db:
        dead = dead_runs(context, db)
    for step in dead:
        end_dead_run(context, step)
    return f"recorded the end of {format_count(len(dead), 'run')}"


def _unowned(context: Context, folders: list[int]) -> DoctorCheck:
    """Check folders without a run. They are never removed: the output may be the only copy of an agent's work."""
    active = [run for run in folders if is_alive(RunDirectory(context.project.run_dir(run)))]
    if active:
        problem = "active, but the store has no such run: {}"
        fix = "An older copy of the store may have been restored. End the process that shim.json in the folder names."
        return check_absent("run folders", active, problem, fix)
    problem = "the store has no run for these folders of .huskies/runs: {}"
    return check_absent(
        "run folders", folders, problem, "Remove them when you do not need their output any more."
    )


def _left_over(context: Context, marked: Mapping[int, tuple[Process, ...]]) -> DoctorCheck:
    """Check processes marked by a run that is not live, now as before."""
    with context.store.reading() as db:
        live = {run.id for run in runs.live(db)}
    leftover = [
        (run, process)
        for run, processes in marked.items()
        for process in processes
        if run not in live and is_running(process)
    ]
    names = [f"{process.pid} {process.name} of run {run}" for run, process in leftover]
    pids = " ".join(str(process.pid) for _, process in leftover)
    return check_absent("processes", names, "left by ended runs: {}", f"Check them, then 'kill {pids}'.")
