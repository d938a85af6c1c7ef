"""Locks that somebody holds for long, and lock files that a git left behind."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.check import Check
from huskies_core.doctor.state import is_current
from huskies_core.git.locks import (
    clear_shared_locks,
    clear_worktree_locks,
    git_is_running,
    git_locked,
    shared_locks,
)
from huskies_core.git.worktrees import checkout_of, present_worktrees
from huskies_core.humanize import count, some
from huskies_core.operations.scheduler_check import ticked_lately
from huskies_core.store import runs
from huskies_core.supervisor.lock_holders import find_holder, stays_held

_SHORT_SECS = 5.0
"""What holds the store or git for longer, whenever it is looked at, is not at its usual work."""
_STALE = timedelta(seconds=10)
_FORGOTTEN = timedelta(hours=1)


def look_at_locks(context: Context) -> Iterator[Check]:
    project = context.project
    for path in (project.state_lock, project.git_lock):
        yield _short_lock(path)
    yield _shared_lock_files(context)
    if not is_current(context):
        return
    passes = sorted(project.pass_lock("any").parent.glob("*.lock"))
    for path in (project.state_dir / "worktrees.lock", *passes):
        yield _long_lock(context, path)
    yield _worktree_lock_files(context)


def _short_lock(path: Path) -> Check:
    if not stays_held(path, _SHORT_SECS):
        return Check(path.name)
    return Check(path.name, f"held for longer than {_SHORT_SECS:.0f} s by {_holder(path)}", _end_it(path))


def _long_lock(context: Context, path: Path) -> Check:
    """A pass may make worktrees for minutes; it is not at work any more when nothing else came to its end either."""
    name = str(path.relative_to(context.project.state_dir))
    if not stays_held(path, 0):
        return Check(name)
    held = f"held by {_holder(path)}"
    if ticked_lately(context) or not stays_held(path, _SHORT_SECS) or _age(context, path) < _FORGOTTEN:
        return Check(name, detail=held)
    return Check(name, f"{held}, and no tick has come to its end", _end_it(path))


def _holder(path: Path) -> str:
    found = find_holder(path)
    return "a process that cannot be told" if found is None else f"process {found.pid} ({found.name})"


def _end_it(path: Path) -> str:
    found = find_holder(path)
    look = "Look at it" if found is None else f"Look at it: ps -f -p {found.pid}"
    return f"{look}; when it ends the lock is free. Never delete the file."


def _age(context: Context, path: Path) -> timedelta:
    """How long the process that holds it has lived."""
    import psutil

    found = find_holder(path)
    try:
        started = psutil.Process(found.pid).create_time() if found else context.now().timestamp()
    except psutil.Error:
        return timedelta(0)
    return timedelta(seconds=context.now().timestamp() - started)


def _shared_lock_files(context: Context) -> Check:
    """Those of the shared git directory: every git on this repository stumbles over them."""
    stale = _stale(context, shared_locks(context.repository))
    return _left(context, "git lock files", stale, partial(_clear_shared, context))


def _worktree_lock_files(context: Context) -> Check:
    """Those of stories without a live run."""
    stale = [path for story in _resting(context) for path in _stale(context, _lock_files(context, story))]
    return _left(context, "worktree lock files", stale, partial(_clear_worktrees, context))


def _left(context: Context, name: str, stale: Sequence[Path], clear: Callable[[], str]) -> Check:
    """Removed only when no git of this user is at work here; one that has been at it for long is named with them."""
    if not stale:
        return Check(name)
    names = some(os.path.relpath(path, context.project.root) for path in stale)
    fact = f"left by a git that ended: {names}"
    if not git_is_running(context.project):
        return Check(name, fact, "'huskies doctor --fix' removes them.", mend=clear)
    forgotten = context.now() - _FORGOTTEN
    if any(_modified(path) < forgotten.timestamp() for path in stale):
        fix = "A git is at work on this repository; once it has ended, remove them."
        return Check(name, fact, fix)
    return Check(name, detail=f"a git is at work: {names}")


def _resting(context: Context) -> list[int]:
    with context.store.reading() as db:
        busy = {run.story for run in runs.live(db)}
    return sorted(present_worktrees(context.project) - busy)


def _lock_files(context: Context, story: int) -> list[Path]:
    place = checkout_of(context.project, story)
    return [] if place is None else sorted(place.git_dir.rglob("*.lock"))


def _stale(context: Context, paths: Iterable[Path]) -> tuple[Path, ...]:
    limit = context.now() - _STALE
    return tuple(path for path in paths if _modified(path) < limit.timestamp())


def _modified(path: Path) -> float:
    """What is gone meanwhile is never old."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return math.inf


def _clear_shared(context: Context) -> str:
    with git_locked(context.project):
        cleared = clear_shared_locks(context.repository, now=context.now())
    return f"removed {count(len(cleared), 'lock file')}"


def _clear_worktrees(context: Context) -> str:
    """By the rule of the shared directory; a story whose run has begun meanwhile, or has a fresh one, keeps its own."""
    cleared: list[Path] = []
    with git_locked(context.project):
        for story in _resting(context) if not git_is_running(context.project) else ():
            found = _lock_files(context, story)
            if len(_stale(context, found)) == len(found):
                cleared += clear_worktree_locks(context.repository, story)
    return f"removed {count(len(cleared), 'lock file')}"
