"""Checks of worktrees and branches against the stories, and of the space on the disk.

Only the pass `worktrees`, which rescues work first, removes worktrees. A worktree without a story is named with the
command that may help.
"""

import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from huskies_core.clock import from_iso
from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck, check_absent, is_current
from huskies_core.doctor.services import CANARY_PREFIX
from huskies_core.errors import HuskiesError
from huskies_core.git.removal import missing_worktrees, unregister_missing
from huskies_core.git.rescue import list_rescues, size_of_rescues
from huskies_core.git.worktrees import branch_of, present_worktrees
from huskies_core.humanize import format_count, format_size
from huskies_core.ids import StoryId
from huskies_core.passes.gc import GC
from huskies_core.passes.pass_runner import AnyPass, run_pass
from huskies_core.passes.steps import StepOutcome
from huskies_core.passes.worktrees import WORKTREES
from huskies_core.runs.story_worktrees import base_tip, story_branches
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import branches, runs, stories
from huskies_core.supervisor.processes import find_process

_OVERDUE = timedelta(minutes=10)
"""The time after which a step is overdue: the passes do not run, or cannot do it."""
_COUNTING_SECS = 3.0
_LEAST_BYTES = 1 << 30
_LEAST_INODES = 10_000
_FORGOTTEN = timedelta(hours=1)
_TEMPORARY = re.compile(r"\.(?:project\.toml|agents\.toml|cron|\.gitignore)\.([1-9][0-9]{0,8})")
"""The name of a file that is being written, with the id of the writing process."""
_NEW_STORE = ("state.new", "state.new-wal", "state.new-shm")


def check_worktrees(context: Context) -> Iterator[DoctorCheck]:
    """Check for overdue steps, worktrees without a folder, and worktrees and branches without a story."""
    if context.valid_config:
        yield _overdue_worktrees(context)
    yield _lost(context)
    present = present_worktrees(context.project)
    with context.store.reading() as db:
        unowned = sorted(present - stories.stages_of(db, present).keys())
    paths = map(context.project.worktree, unowned)
    fix = "Check each. 'git worktree remove PATH' removes it, unless it has uncommitted changes."
    yield check_absent("worktree owners", paths, "the store has no story for {}", fix)
    yield _unowned_branches(context)
    yield DoctorCheck("rescues", detail=_rescues(context))


def check_space(context: Context) -> Iterator[DoctorCheck]:
    """Check free space, disk use, overdue steps of gc and abandoned temporary files."""
    yield _free(context)
    yield DoctorCheck("disk use", detail=_use(context))
    if is_current(context) and context.valid_config:
        yield _overdue_gc(context)
    paths = tuple(_forgotten(context))
    names = [path.name for path in paths]
    fix = "'huskies doctor --fix' removes them."
    yield check_absent("temporary files", names, "left in .huskies: {}", fix, partial(_remove, paths))


def _converge(context: Context, chosen: AnyPass) -> str:
    """Run a pass and return what it did. Raise HuskiesError with the first step that failed."""
    report = run_pass(context, chosen, wait=10)
    failed = next((item for item in report.results if item.outcome is StepOutcome.FAILED), None)
    if failed is not None:
        raise HuskiesError(f"{failed.step.verb.value}: {failed.detail}", code=failed.error)
    return f"'huskies {chosen.name}' did {format_count(len(report.results), 'step')}"


def _overdue_worktrees(context: Context) -> DoctorCheck:
    """Check for steps of stories that entered their stage long ago."""
    names = []
    with context.store.reading() as db:
        for step in WORKTREES.plan(take_snapshot(context, db)):
            assert step.story is not None
            if from_iso(stories.load(db, step.story).stage_entered_at) < context.now() - _OVERDUE:
                names.append(f"{step.verb.value} {step.story}")
    fix = "Run 'huskies worktrees', or 'huskies doctor --fix'."
    return check_absent("worktrees", names, "overdue: {}", fix, partial(_converge, context, WORKTREES))


def _overdue_gc(context: Context) -> DoctorCheck:
    """Check for steps of gc that have been due for ten minutes. Newer ones are normal."""
    with context.store.reading() as db:
        snapshot = take_snapshot(context, db)
        steps = GC.plan(replace(snapshot, now=snapshot.now - _OVERDUE))
    verbs = dict.fromkeys(step.verb.value for step in steps)
    fix = "Run 'huskies gc', or 'huskies doctor --fix'."
    return check_absent("retention", verbs, "overdue steps of gc: {}", fix, partial(_converge, context, GC))


def _lost(context: Context) -> DoctorCheck:
    """Check for worktrees without a folder. A live run of the story ends without help."""
    with context.store.reading() as db:
        busy = {run.story for run in runs.live(db)}
    lost = [story for story in missing_worktrees(context.project) if story not in busy]
    problem = "git has worktrees without a folder: {}"
    fix = "'huskies doctor --fix' removes the records and keeps the branches."
    return check_absent("worktree records", lost, problem, fix, partial(_forget, context, lost))


def _forget(context: Context, lost: list[StoryId]) -> str:
    tip = base_tip(context)
    refs = [unregister_missing(context.repository, story, base_tip=tip, now=context.now()) for story in lost]
    rescued = ", ".join(ref for ref in refs if ref is not None)
    return f"removed {format_count(len(lost), 'record')}{f', rescued {rescued}' if rescued else ''}"


def _unowned_branches(context: Context) -> DoctorCheck:
    """Check for branches with the names of stories that this store did not create. They block those stories.

    They are not removed, because their owner is unknown.
    """
    present = story_branches(context)
    with context.store.reading() as db:
        unowned = sorted(present - branches.all_stories(db))
    if not unowned:
        return DoctorCheck("branch owners")
    problem = "not created by huskies, but named like stories: {}"
    fix = f"Rename each: git branch -m {branch_of(unowned[0])} kept/story-{unowned[0]}"
    return check_absent("branch owners", map(branch_of, unowned), problem, fix)


def _rescues(context: Context) -> str:
    rescues = list_rescues(context.repository)
    if not rescues:
        return ""
    total = size_of_rescues(context.repository, seconds=_COUNTING_SECS)
    owners = format_count(len({rescue.story for rescue in rescues}), "story", "stories")
    size = "size unknown" if total is None else format_size(total)
    return f"{format_count(len(rescues), 'rescue')} of {owners}, {size}"


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
    return ", ".join(f"{name} {_size_of(roots, deadline)}" for name, roots in folders.items())


def _size_of(roots: Iterable[Path], deadline: float) -> str:
    """Return the size on the disk of all files below `roots`, or `more than` that of the files counted in time."""
    total = 0
    for path in _walked(roots):
        if time.monotonic() > deadline:
            return f"more than {format_size(total)}"
        with suppress(OSError):
            total += path.lstat().st_blocks * 512
    return format_size(total)


def _walked(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        yield root
        for folder, _, names in os.walk(root):
            yield from (Path(folder, name) for name in names)


def _forgotten(context: Context) -> Iterator[Path]:
    """Yield temporary files of processes that were killed. No process writes one for an hour."""
    state, limit = context.project.state_dir, (context.now() - _FORGOTTEN).timestamp()
    for path in sorted(state.iterdir()):
        match = _TEMPORARY.fullmatch(path.name)
        is_left = match is not None and find_process(int(match[1])) is None
        is_ours = is_left or path.name in _NEW_STORE or path.name.startswith(CANARY_PREFIX)
        with suppress(FileNotFoundError):  # another doctor may remove it
            if is_ours and path.lstat().st_mtime < limit:
                yield path


def _remove(paths: tuple[Path, ...]) -> str:
    """Remove files, folders and links, but not the targets of links. Another doctor may do the same."""
    for path in paths:
        with suppress(FileNotFoundError):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return f"removed {format_count(len(paths), 'path')}"
