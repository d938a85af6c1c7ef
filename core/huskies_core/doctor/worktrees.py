"""Worktrees and branches against the stories they are of. Work is never removed from here but by the pass, which keeps
it first: what no story owns is named, with the command that a person may want."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from huskies_core.clock import from_iso
from huskies_core.context import Context
from huskies_core.doctor.check import Check
from huskies_core.doctor.settings import loads
from huskies_core.errors import HuskiesError
from huskies_core.git.removal import forget_lost, lost_folders
from huskies_core.git.rescue import list_rescues, size_of_rescues
from huskies_core.git.worktrees import branch_of, present_worktrees
from huskies_core.humanize import count, size, some
from huskies_core.passes.attempt import StepOutcome
from huskies_core.passes.pass_runner import AnyPass, run_pass
from huskies_core.passes.steps import PlannedStep
from huskies_core.passes.worktrees import WORKTREES
from huskies_core.runs.story_worktrees import base_tip, story_branches
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import branches, runs, stories
from huskies_core.store.connection import Connection

_OVERDUE = timedelta(minutes=10)
"""What the passes would have done long ago, were they run and able to."""
_COUNTING_SECS = 3.0


def look_at_worktrees(context: Context) -> Iterator[Check]:
    if loads(context):
        yield _overdue(context)
    yield _lost(context)
    yield _unowned_worktrees(context)
    yield from _unowned_branches(context)
    yield Check("rescues", detail=_rescued(context))


def _rescued(context: Context) -> str:
    found = list_rescues(context.repository)
    if not found:
        return ""
    bytes_ = size_of_rescues(context.repository, seconds=_COUNTING_SECS)
    of = count(len({rescue.story for rescue in found}), "story", "stories")
    return (
        f"{count(len(found), 'rescue')} of {of}, {'not counted in time' if bytes_ is None else size(bytes_)}"
    )


def converge(context: Context, chosen: AnyPass) -> str:
    """Runs a pass. Raises HuskiesError with the first thing that failed."""
    report = run_pass(context, chosen, wait=10)
    failed = next((item for item in report.results if item.outcome is StepOutcome.FAILED), None)
    if failed is not None:
        raise HuskiesError(f"{failed.step.verb.value}: {failed.detail}", code=failed.error)
    return f"'huskies {chosen.name}' did {count(len(report.results), 'thing')}"


def _overdue(context: Context) -> Check:
    with context.store.reading() as db:
        waiting = [one for one in WORKTREES.plan(take_snapshot(context, db)) if _has_waited(context, db, one)]
    if not waiting:
        return Check("worktrees")
    told = some(f"{action.verb.value} {action.story}" for action in waiting)
    fix = "Run 'huskies worktrees', or 'huskies doctor --fix'."
    return Check("worktrees", f"to be done for long: {told}", fix, mend=partial(converge, context, WORKTREES))


def _has_waited(context: Context, db: Connection, action: PlannedStep) -> bool:
    assert action.story is not None
    since = from_iso(stories.load(db, action.story).stage_entered_at)
    return since < context.now() - _OVERDUE


def _lost(context: Context) -> Check:
    """A run of the story that is live is at work without its folder, and ends by itself."""
    with context.store.reading() as db:
        busy = {run.story for run in runs.live(db)}
    lost = [story for story in lost_folders(context.project) if story not in busy]
    if not lost:
        return Check("worktree records")
    fact = f"git has worktrees whose folder is gone: {some(lost)}"
    fix = "'huskies doctor --fix' takes the records away; branches stay."
    return Check("worktree records", fact, fix, mend=partial(_forget, context, lost))


def _forget(context: Context, lost: list[int]) -> str:
    tip = base_tip(context)
    kept = [forget_lost(context.repository, story, base_tip=tip, now=context.now()) for story in lost]
    rescued = ", ".join(ref for ref in kept if ref is not None)
    return f"took {count(len(lost), 'record')} away{f', kept {rescued}' if rescued else ''}"


def _unowned_worktrees(context: Context) -> Check:
    present = present_worktrees(context.project)
    with context.store.reading() as db:
        unowned = sorted(present - stories.stages_of(db, present).keys())
    if not unowned:
        return Check("worktree owners")
    fact = f"of no story of this store: {some(context.project.worktree(story) for story in unowned)}"
    fix = "Look at each; 'git worktree remove PATH' takes it away, and refuses while it holds what is uncommitted."
    return Check("worktree owners", fact, fix)


def _unowned_branches(context: Context) -> Iterator[Check]:
    """Those named like a story's that this store did not make. A story of that number is blocked by it; it is not
    removed, for nobody knows whose work it is."""
    present = story_branches(context)
    with context.store.reading() as db:
        unowned = sorted(present - branches.all_stories(db))
    if not unowned:
        yield Check("branch owners")
        return
    first = branch_of(unowned[0])
    fact = f"made by others under the names of stories: {some(map(branch_of, unowned))}"
    fix = f"Keep each under another name: git branch -m {first} kept/story-{unowned[0]}"
    yield Check("branch owners", fact, fix)
