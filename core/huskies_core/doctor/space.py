"""Checks of free disk space, disk use, overdue cleaning and abandoned temporary files."""

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
from huskies_core.doctor.check import DoctorCheck, check_absent
from huskies_core.doctor.settings import loads
from huskies_core.doctor.state import is_current
from huskies_core.doctor.worktrees import converge
from huskies_core.humanize import format_count, format_size
from huskies_core.passes.gc import GC
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.supervisor.processes import find_process

_LEAST_BYTES = 1 << 30
_LEAST_INODES = 10_000
_COUNTING_SECS = 3.0
_OVERDUE = timedelta(minutes=10)
_FORGOTTEN = timedelta(hours=1)
_TEMPORARY = re.compile(r"\.(?:project\.toml|agents\.toml|cron|\.gitignore)\.([1-9][0-9]{0,8})")
"""The name of a file that is being written, with the id of the writing process."""
_NEW_STORE = ("state.new", "state.new-wal", "state.new-shm")


def check_space(context: Context) -> Iterator[DoctorCheck]:
    yield _free(context)
    yield DoctorCheck("disk use", detail=_use(context))
    if is_current(context) and loads(context):
        yield _overdue(context)
    paths = tuple(_forgotten(context))
    names = [path.name for path in paths]
    fix = "'huskies doctor --fix' removes them."
    yield check_absent("temporary files", names, "left in .huskies: {}", fix, partial(_remove, paths))


def _free(context: Context) -> DoctorCheck:
    stats = os.statvfs(context.project.state_dir)
    free = stats.f_bavail * stats.f_frsize
    if free < _LEAST_BYTES:
        fix = "Free disk space. On a full disk runs fail and no story moves."
        return DoctorCheck("disk", f"only {format_size(free)} free", fix)
    if stats.f_files and stats.f_favail < _LEAST_INODES:
        return DoctorCheck("disk", f"only {stats.f_favail} more files possible", "Remove unneeded files.")
    return DoctorCheck("disk", detail=f"{format_size(free)} free")


def _use(context: Context) -> str:
    """Return the disk use of store, runs and worktrees. Counting stops after some seconds."""
    project, deadline = context.project, time.monotonic() + _COUNTING_SECS
    folders = {
        "store": list(project.state_dir.glob("state.db*")),
        "runs": [project.runs_dir],
        "worktrees": [project.worktrees_dir, project.merge_workspace],
    }
    parts = []
    for name, roots in folders.items():
        total, complete = _size_of(roots, deadline)
        parts.append(f"{name} {'' if complete else 'more than '}{format_size(total)}")
    return ", ".join(parts)


def _size_of(roots: Iterable[Path], deadline: float) -> tuple[int, bool]:
    """Return the bytes on the disk below `roots`, and whether all files were counted."""
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


def _overdue(context: Context) -> DoctorCheck:
    """Check for steps of gc that have been due for ten minutes. Newer ones are normal."""
    with context.store.reading() as db:
        snapshot = take_snapshot(context, db)
        steps = GC.plan(replace(snapshot, now=snapshot.now - _OVERDUE))
    verbs = dict.fromkeys(step.verb.value for step in steps)
    fix = "Run 'huskies gc', or 'huskies doctor --fix'."
    return check_absent("retention", verbs, "overdue steps of gc: {}", fix, partial(converge, context, GC))


def _forgotten(context: Context) -> Iterator[Path]:
    """Yield temporary files of processes that were killed. No process writes one for an hour."""
    state, limit = context.project.state_dir, (context.now() - _FORGOTTEN).timestamp()
    for path in sorted(state.iterdir()):
        match = _TEMPORARY.fullmatch(path.name)
        is_left = match is not None and find_process(int(match[1])) is None
        is_ours = is_left or path.name in _NEW_STORE or path.name.startswith(PREFIX)
        if is_ours and _is_before(path, limit):
            yield path


def _is_before(path: Path, limit: float) -> bool:
    """Return whether the file, or the link itself, was last modified before that time. Another doctor may remove it."""
    try:
        return path.lstat().st_mtime < limit
    except FileNotFoundError:
        return False


def _remove(paths: tuple[Path, ...]) -> str:
    """Remove files, folders and links, but not the targets of links. Another doctor may do the same."""
    for path in paths:
        with suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return f"removed {format_count(len(paths), 'path')}"
