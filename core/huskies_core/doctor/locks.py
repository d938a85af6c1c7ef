"""Checks of locks that a process holds for long, and of lock files that git left behind."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck
from huskies_core.doctor.state import is_current
from huskies_core.git.locks import (
    clear_shared_locks,
    clear_worktree_locks,
    git_is_running,
    git_locked,
    shared_locks,
)
from huskies_core.git.worktrees import checkout_of, present_worktrees
from huskies_core.humanize import format_count, list_some
from huskies_core.ids import StoryId
from huskies_core.operations.scheduler_check import ticked_lately
from huskies_core.store import runs
from huskies_core.supervisor.lock_holders import find_holder, stays_locked

_SHORT_SECS = 5.0
"""The time for which the locks of the store and git are never held in normal work."""
_STALE = timedelta(seconds=10)
_FORGOTTEN = timedelta(hours=1)


def check_locks(context: Context) -> Iterator[DoctorCheck]:
    project = context.project
    for path in (project.state_lock, project.git_lock):
        if stays_locked(path, _SHORT_SECS):
            fact = f"held for longer than {_SHORT_SECS:.0f} s by {_holder(path)}"
            yield DoctorCheck(path.name, fact, _advice(path))
        else:
            yield DoctorCheck(path.name)
    shared = _stale(context, shared_locks(context.repository))
    yield _lock_files(context, "git lock files", shared, partial(_clear_shared, context))
    if not is_current(context):
        return
    passes = sorted(project.pass_lock("any").parent.glob("*.lock"))
    for path in (project.state_dir / "worktrees.lock", *passes):
        yield _long_lock(context, path)
    own = [path for story in _idle_stories(context) for path in _stale(context, _locks_of(context, story))]
    yield _lock_files(context, "worktree lock files", own, partial(_clear_worktrees, context))


def _long_lock(context: Context, path: Path) -> DoctorCheck:
    """Check the lock of a pass. Creating worktrees can take minutes; it is a problem if no tick ended either."""
    name = str(path.relative_to(context.project.state_dir))
    if not stays_locked(path, 0):
        return DoctorCheck(name)
    fact = f"held by {_holder(path)}"
    if ticked_lately(context) or not stays_locked(path, _SHORT_SECS) or _age(context, path) < _FORGOTTEN:
        return DoctorCheck(name, detail=fact)
    return DoctorCheck(name, f"{fact}, and no tick has completed", _advice(path))


def _holder(path: Path) -> str:
    holder = find_holder(path)
    return "an unknown process" if holder is None else f"process {holder.pid} ({holder.name})"


def _advice(path: Path) -> str:
    holder = find_holder(path)
    look = "Check that process" if holder is None else f"Check that process: ps -f -p {holder.pid}"
    return f"{look}. The lock is released when it ends. Never delete the file."


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
    if not git_is_running(context.project):
        return DoctorCheck(name, fact, "'huskies doctor --fix' removes them.", repair=clear)
    forgotten = context.now() - _FORGOTTEN
    if any(_modified(path) < forgotten.timestamp() for path in stale):
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


def _stale(context: Context, paths: Iterable[Path]) -> tuple[Path, ...]:
    limit = context.now() - _STALE
    return tuple(path for path in paths if _modified(path) < limit.timestamp())


def _modified(path: Path) -> float:
    """Return the modification time; infinity, which is never old, if the file was removed."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return math.inf


def _clear_shared(context: Context) -> str:
    with git_locked(context.project):
        cleared = clear_shared_locks(context.repository, now=context.now())
    return f"removed {format_count(len(cleared), 'lock file')}"


def _clear_worktrees(context: Context) -> str:
    """Remove the files of stories without a live run if all files of the story are stale."""
    cleared: list[Path] = []
    with git_locked(context.project):
        for story in _idle_stories(context) if not git_is_running(context.project) else ():
            paths = _locks_of(context, story)
            if len(_stale(context, paths)) == len(paths):
                cleared += clear_worktree_locks(context.repository, story)
    return f"removed {format_count(len(cleared), 'lock file')}"
