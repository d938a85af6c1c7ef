"""Runs that nobody supervises, folders that no run owns, and processes that outlived theirs."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial

from huskies_core.context import Context
from huskies_core.doctor.check import Check
from huskies_core.humanize import count, some
from huskies_core.passes.dead_runs import dead_runs, end_dead_run
from huskies_core.sanitize import is_number
from huskies_core.store import runs
from huskies_core.supervisor.liveness import is_alive
from huskies_core.supervisor.processes import Process, is_running, marked_by_run
from huskies_core.supervisor.run_directory import RunDirectory

_IN_THE_MAKING = timedelta(minutes=1)
"""A run's folder is there a moment before its row can be seen."""


def look_at_runs(context: Context) -> Iterator[Check]:
    # Before the store is asked: what is started afterwards has no row in what it says.
    folders = tuple(_folders(context))
    processes = marked_by_run(str(context.project.root))
    with context.store.reading() as db:
        dead = dead_runs(context, db)
        live = frozenset(run.id for run in runs.live(db))
        known = runs.recorded(db, folders)
    yield _dead(context, [action.detail for action in dead])
    yield _unowned(context, sorted(set(folders) - known))
    yield _left_over(context, {run: found for run, found in processes.items() if run not in live})


def _folders(context: Context) -> Iterator[int]:
    limit = (context.now() - _IN_THE_MAKING).timestamp()
    for place in context.project.runs_dir.glob("*"):
        if is_number(place.name) and place.is_dir() and place.stat().st_mtime < limit:
            yield int(place.name)


def _dead(context: Context, told: list[str]) -> Check:
    if not told:
        return Check("runs")
    fix = "The next tick records how they ended; so does 'huskies doctor --fix'."
    return Check("runs", some(told), fix, mend=partial(_end_dead, context))


def _end_dead(context: Context) -> str:
    with context.store.reading() as db:
        dead = dead_runs(context, db)
    for action in dead:
        end_dead_run(context, action)
    return f"recorded the end of {count(len(dead), 'run')}"


def _unowned(context: Context, folders: list[int]) -> Check:
    """Nothing of them is removed: an agent's output may be all that is left of its work."""
    if not folders:
        return Check("run folders")
    at_work = [run for run in folders if is_alive(RunDirectory(context.project.run_dir(run)))]
    if at_work:
        fix = (
            "Was an older copy of the store put back? Look at shim.json in the folder, and end that process."
        )
        return Check("run folders", f"at work, and no run of this store: {some(at_work)}", fix)
    fix = "Remove them once you need their output no more: they are in .huskies/runs."
    return Check("run folders", f"of no run of this store: {some(folders)}", fix)


def _left_over(context: Context, found: Mapping[int, tuple[Process, ...]]) -> Check:
    """Processes with the mark of a run that has ended meanwhile go with it; those of one that ended before do not."""
    with context.store.reading() as db:
        live = {run.id for run in runs.live(db)}
    left = {
        run: alive
        for run, processes in found.items()
        if run not in live and (alive := [one for one in processes if is_running(one)])
    }
    if not left:
        return Check("processes")
    told = some(f"{one.pid} {one.name} of run {run}" for run, alive in left.items() for one in alive)
    pids = " ".join(str(one.pid) for alive in left.values() for one in alive)
    return Check("processes", f"left by runs that have ended: {told}", f"Look at them, and 'kill {pids}'.")
