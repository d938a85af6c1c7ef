"""Checks of worktrees and branches against the stories.

Only the pass `worktrees`, which rescues work first, removes worktrees. A worktree without a story is named with the
command that may help.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from huskies_core.clock import from_iso
from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck, check_absent
from huskies_core.doctor.settings import loads
from huskies_core.errors import HuskiesError
from huskies_core.git.removal import missing_worktrees, unregister_missing
from huskies_core.git.rescue import list_rescues, size_of_rescues
from huskies_core.git.worktrees import branch_of, present_worktrees
from huskies_core.humanize import format_count, format_size
from huskies_core.ids import StoryId
from huskies_core.passes.attempt import StepOutcome
from huskies_core.passes.pass_runner import AnyPass, run_pass
from huskies_core.passes.steps import PlannedStep
from huskies_core.passes.worktrees import WORKTREES
from huskies_core.runs.story_worktrees import base_tip, story_branches
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import branches, runs, stories
from huskies_core.store.connection import Connection

_OVERDUE = timedelta(minutes=10)
"""The time after which a step is overdue: the passes do not run, or cannot do it."""
_COUNTING_SECS = 3.0


def check_worktrees(context: Context) -> Iterator[DoctorCheck]:
    if loads(context):
        yield _overdue(context)
    yield _lost(context)
    yield _unowned_worktrees(context)
    yield _unowned_branches(context)
    yield DoctorCheck("rescues", detail=_rescues(context))


def converge(context: Context, chosen: AnyPass) -> str:
    """Run a pass and return what it did. Raise HuskiesError with the first step that failed."""
    report = run_pass(context, chosen, wait=10)
    failed = next((item for item in report.results if item.outcome is StepOutcome.FAILED), None)
    if failed is not None:
        raise HuskiesError(f"{failed.step.verb.value}: {failed.detail}", code=failed.error)
    return f"'huskies {chosen.name}' did {format_count(len(report.results), 'step')}"


def _overdue(context: Context) -> DoctorCheck:
    with context.store.reading() as db:
        steps = WORKTREES.plan(take_snapshot(context, db))
        overdue = [step for step in steps if _is_overdue(context, db, step)]
    names = [f"{step.verb.value} {step.story}" for step in overdue]
    fix = "Run 'huskies worktrees', or 'huskies doctor --fix'."
    return check_absent("worktrees", names, "overdue: {}", fix, partial(converge, context, WORKTREES))


def _is_overdue(context: Context, db: Connection, step: PlannedStep) -> bool:
    assert step.story is not None
    since = from_iso(stories.load(db, step.story).stage_entered_at)
    return since < context.now() - _OVERDUE


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


def _unowned_worktrees(context: Context) -> DoctorCheck:
    present = present_worktrees(context.project)
    with context.store.reading() as db:
        unowned = sorted(present - stories.stages_of(db, present).keys())
    paths = map(context.project.worktree, unowned)
    fix = "Check each. 'git worktree remove PATH' removes it, unless it has uncommitted changes."
    return check_absent("worktree owners", paths, "the store has no story for {}", fix)


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
