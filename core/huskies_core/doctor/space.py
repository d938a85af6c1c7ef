"""What the disk has left, what of it is ours, and what nobody will come back for."""

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.canary import PREFIX
from huskies_core.doctor.check import Check
from huskies_core.doctor.settings import loads
from huskies_core.doctor.state import is_current
from huskies_core.doctor.worktrees import converge
from huskies_core.humanize import count, size, some
from huskies_core.passes.gc import GC
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.supervisor.processes import find_process

_LEAST_BYTES = 1 << 30
_LEAST_INODES = 10_000
_COUNTING_SECS = 3.0
_OVERDUE = timedelta(minutes=10)
_FORGOTTEN = timedelta(hours=1)
_BEING_WRITTEN = re.compile(r"\.(?:project\.toml|agents\.toml|cron|\.gitignore)\.([1-9][0-9]{0,8})")
"""How a file is called while it is written, with the process that does."""
_NEW_STORE = ("state.new", "state.new-wal", "state.new-shm")


def look_at_space(context: Context) -> Iterator[Check]:
    yield _free(context)
    yield Check("disk use", detail=_use(context))
    if is_current(context) and loads(context):
        yield _overdue(context)
    yield _left_files(context)


def _free(context: Context) -> Check:
    found = os.statvfs(context.project.state_dir)
    free = found.f_bavail * found.f_frsize
    if free < _LEAST_BYTES:
        return Check(
            "disk", f"{size(free)} are free", "Make room: a full disk ends runs and keeps all from moving."
        )
    if found.f_files and found.f_favail < _LEAST_INODES:
        return Check(
            "disk", f"no more than {found.f_favail} files can be made", "Remove files that are not needed."
        )
    return Check("disk", detail=f"{size(free)} free")


def _use(context: Context) -> str:
    """Counted for some seconds at most, in the order in which it is told."""
    project, deadline = context.project, time.monotonic() + _COUNTING_SECS
    places = {
        "store": list(project.state_dir.glob("state.db*")),
        "runs": [project.runs_dir],
        "worktrees": [project.worktrees_dir, project.merge_workspace],
    }
    told = []
    for name, roots in places.items():
        total, whole = _size_of(roots, deadline)
        told.append(f"{name} {'' if whole else 'more than '}{size(total)}")
    return ", ".join(told)


def _size_of(roots: Iterable[Path], deadline: float) -> tuple[int, bool]:
    """The bytes on the disk below, and whether all were counted."""
    total = 0
    for path in _walked(roots):
        if time.monotonic() > deadline:
            return total, False
        try:
            total += path.lstat().st_blocks * 512
        except OSError:
            continue
    return total, True


def _walked(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        yield root
        for folder, _, names in os.walk(root):
            yield from (Path(folder, name) for name in names)


def _overdue(context: Context) -> Check:
    """What was past retention ten minutes ago already: at any moment something has just come to be."""
    with context.store.reading() as db:
        snapshot = take_snapshot(context, db)
        waiting = GC.plan(replace(snapshot, now=snapshot.now - _OVERDUE))
    if not waiting:
        return Check("retention")
    told = some(dict.fromkeys(action.verb.value for action in waiting))
    fact = f"{count(len(waiting), 'thing')} to be cleared for long: {told}"
    fix = "Run 'huskies gc', or 'huskies doctor --fix'."
    return Check("retention", fact, fix, mend=partial(converge, context, GC))


def _left_files(context: Context) -> Check:
    left = tuple(_forgotten(context))
    if not left:
        return Check("temporary files")
    names = some(path.name for path in left)
    fix = "'huskies doctor --fix' removes them."
    return Check("temporary files", f"left in .huskies: {names}", fix, mend=partial(_remove, left))


def _forgotten(context: Context) -> Iterator[Path]:
    """What a process that was killed was writing. Nobody writes for an hour, and never one that is gone."""
    state, limit = context.project.state_dir, (context.now() - _FORGOTTEN).timestamp()
    for path in sorted(state.iterdir()):
        written = _BEING_WRITTEN.fullmatch(path.name)
        ours = written is not None and find_process(int(written[1])) is None
        left = ours or path.name in _NEW_STORE or path.name.startswith(PREFIX)
        if left and _is_before(path, limit):
            yield path


def _is_before(path: Path, limit: float) -> bool:
    """Whether it was made, or written to, before that time. A link counts itself; what another doctor has cleared
    meanwhile is none."""
    try:
        return path.lstat().st_mtime < limit
    except FileNotFoundError:
        return False


def _remove(left: tuple[Path, ...]) -> str:
    """Of a link only itself. Another doctor may be at the same."""
    for path in left:
        with suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return f"removed {len(left)} of them"
