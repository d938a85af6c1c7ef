"""Checks of runs, of processes and folders that ended runs left, and of locks that are held for long or were left."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck, check_absent, is_current
from huskies_core.git import locks
from huskies_core.git.worktrees import checkout_of, present_worktrees
from huskies_core.humanize import format_count, list_some
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.scheduler_check import ticked_lately
from huskies_core.passes.watchdog import dead_runs, end_dead_run
from huskies_core.sanitize import is_number
from huskies_core.store import runs
from huskies_core.supervisor.processes import find_holder, is_running, marked_processes_by_run, stays_locked
from huskies_core.supervisor.run_directory import RunDirectory, is_alive

_NEW = timedelta(minutes=1)
"""The age of a folder up to which the row of its run may be uncommitted."""
_SHORT_SECS = 5.0
"""The time for which the locks of the store and git are never held in normal work."""
_STALE = timedelta(seconds=10)
_FORGOTTEN = timedelta(hours=1)


def check_locks(context: Context) -> Iterator[DoctorCheck]:
    """Check the locks of the store, git and the passes, and the lock files of git."""
    project = context.project
    for path in (project.state_lock, project.git_lock):
        problem = fix = ""
        if stays_locked(path, _SHORT_SECS):
            holder, fix = _describe_holder(path)
            problem = f"held for longer than {_SHORT_SECS:.0f} s by {holder}"
        yield DoctorCheck(path.name, problem, fix)
    shared = _older(context, locks.shared_locks(context.repository), _STALE)
    yield _lock_files(context, "git lock files", shared, partial(_clear_shared, context))
    if not is_current(context):
        return
    passes = sorted(project.pass_lock("any").parent.glob("*.lock"))
    for path in (project.state_dir / "worktrees.lock", *passes):
        yield _long_lock(context, path)
    lock_files = (path for story in _idle_stories(context) for path in _locks_of(context, story))
    stale = _older(context, lock_files, _STALE)
    yield _lock_files(context, "worktree lock files", stale, partial(_clear_worktrees, context))


def check_runs(context: Context) -> Iterator[DoctorCheck]:
    """Check for runs without a supervisor, run folders without a run, and processes left by ended runs."""
    # List folders and processes before the store: a run that starts later has no row in this snapshot.
    folders = tuple(_run_folders(context))
    processes = marked_processes_by_run(str(context.project.root))
    with context.store.reading() as db:
        dead = dead_runs(context, db)
        live = frozenset(run.id for run in runs.live(db))
        recorded = runs.recorded(db, folders)
    fix = "The next tick records their end, and so does 'huskies doctor --fix'."
    yield check_absent("runs", [step.detail for step in dead], "{}", fix, partial(_end_dead, context))
    yield _unowned(context, sorted(set(folders) - recorded))
    # Some may have ended since they were listed, and a run may have started.
    with context.store.reading() as db:
        live |= {run.id for run in runs.live(db)}
    marked = [(process, run) for run, members in processes.items() if run not in live for process in members]
    leftover = [(process, run) for process, run in marked if is_running(process)]
    names = [f"{process.pid} {process.name} of run {run}" for process, run in leftover]
    fix = f"Check them, then 'kill {' '.join(str(process.pid) for process, _ in leftover)}'."
    yield check_absent("processes", names, "left by ended runs: {}", fix)


def _long_lock(context: Context, path: Path) -> DoctorCheck:
    """Check the lock of a pass. Creating worktrees can take minutes; it is a problem if no tick ended either."""
    name = str(path.relative_to(context.project.state_dir))
    if not stays_locked(path, 0):
        return DoctorCheck(name)
    holder, fix = _describe_holder(path)
    fact = f"held by {holder}"
    if ticked_lately(context) or not stays_locked(path, _SHORT_SECS) or _age(context, path) < _FORGOTTEN:
        return DoctorCheck(name, detail=fact)
    return DoctorCheck(name, f"{fact}, and no tick has completed", fix)


def _describe_holder(path: Path) -> tuple[str, str]:
    """Return the process that holds the lock, and what to do about it."""
    holder = find_holder(path)
    advice = "The lock is released when it ends. Never delete the file."
    if holder is None:
        return "an unknown process", f"Check that process. {advice}"
    return f"process {holder.pid} ({holder.name})", f"Check that process: ps -f -p {holder.pid}. {advice}"


def _age(context: Context, path: Path) -> timedelta:
    """Return how long the process that holds the lock has been running."""
    import psutil

    holder = find_holder(path)
    try:
        started = psutil.Process(holder.pid).create_time() if holder else context.now().timestamp()
    except psutil.Error:
        return timedelta(0)
    return timedelta(seconds=context.now().timestamp() - started)


def _lock_files(context: Context, name: str, stale: Sequence[Path], clear: Callable[[], str]) -> DoctorCheck:
    """Check stale lock files of git. They are removed only if no git process of this user works here.

    A git process that has been running for long may be what left them: then they are a problem without a repair.
    """
    if not stale:
        return DoctorCheck(name)
    names = list_some(os.path.relpath(path, context.project.root) for path in stale)
    fact = f"left by a git process that ended: {names}"
    if not locks.git_is_running(context.project):
        return DoctorCheck(name, fact, "'huskies doctor --fix' removes them.", repair=clear)
    if _older(context, stale, _FORGOTTEN):
        fix = "A git process is using this repository. Remove them after it has ended."
        return DoctorCheck(name, fact, fix)
    return DoctorCheck(name, detail=f"a git process is using {names}")


def _idle_stories(context: Context) -> list[StoryId]:
    """Return the stories that have a worktree and no live run."""
    with context.store.reading() as db:
        busy = {run.story for run in runs.live(db)}
    return sorted(present_worktrees(context.project) - busy)


def _locks_of(context: Context, story: StoryId) -> list[Path]:
    checkout = checkout_of(context.project, story)
    return [] if checkout is None else sorted(checkout.git_dir.rglob("*.lock"))


def _older(context: Context, paths: Iterable[Path], age: timedelta) -> tuple[Path, ...]:
    """Return the files that were last modified before that time. A file may be removed at any moment."""
    limit, older = (context.now() - age).timestamp(), list[Path]()
    for path in paths:
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime < limit:
                older.append(path)
    return tuple(older)


def _clear_shared(context: Context) -> str:
    with locks.git_locked(context.project):
        cleared = locks.clear_shared_locks(context.repository, now=context.now())
    return f"removed {format_count(len(cleared), 'lock file')}"


def _clear_worktrees(context: Context) -> str:
    """Remove the files of stories without a live run if all files of the story are stale."""
    cleared: list[Path] = []
    with locks.git_locked(context.project):
        for story in _idle_stories(context) if not locks.git_is_running(context.project) else ():
            paths = _locks_of(context, story)
            if len(_older(context, paths, _STALE)) == len(paths):
                cleared += locks.clear_worktree_locks(context.repository, story)
    return f"removed {format_count(len(cleared), 'lock file')}"


def _run_folders(context: Context) -> Iterator[RunId]:
    limit = (context.now() - _NEW).timestamp()
    for path in context.project.runs_dir.glob("*"):
        if is_number(path.name) and path.is_dir() and path.stat().st_mtime < limit:
            yield RunId(int(path.name))


def _end_dead(context: Context) -> str:
    with context.store.reading() as db:
        dead = dead_runs(context, db)
    for step in dead:
        end_dead_run(context, step)
    return f"recorded the end of {format_count(len(dead), 'run')}"


def _unowned(context: Context, folders: list[RunId]) -> DoctorCheck:
    """Check folders without a run. They are never removed: the output may be the only copy of an agent's work."""
    active = [run for run in folders if is_alive(RunDirectory(context.project.run_dir(run)))]
    if active:
        problem = "active, but the store has no such run: {}"
        fix = "An older copy of the store may have been restored. End the process that shim.json in the folder names."
        return check_absent("run folders", active, problem, fix)
    problem = "the store has no run for these folders of .huskies/runs: {}"
    fix = "Remove them when you do not need their output any more."
    return check_absent("run folders", folders, problem, fix)
