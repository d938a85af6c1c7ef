"""merge-recovery: what follows each merge failure, and the end of what held the merge queue."""

from huskies_core.context import Context
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.passes.moving import move_story
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.planning import move_of
from huskies_core.pipeline.stages import StageName
from huskies_core.scheduler.decisions import ApplyEvent
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import queue_holds, stories
from huskies_core.store.queue_holds import QueueHoldKind


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    """Whether a hold is over only the repository can tell: git is asked where there is one."""
    over = (hold for hold in snapshot.queue_holds if snapshot.is_obsolete(hold))
    return (
        *(PlannedStep(Verb.RELEASE_HOLD, hold.story or None, hold.kind.value) for hold in over),
        *_moves(snapshot),
    )


def apply(context: Context, action: PlannedStep) -> str:
    if action.verb is not Verb.RELEASE_HOLD:
        return move_story(context, action)
    with context.store.exclusive() as db:
        queue_holds.release_matching(
            db, QueueHoldKind(action.detail), action.story, actor=context.actor, now=context.now()
        )
    return ""


def _moves(snapshot: Snapshot) -> list[PlannedStep]:
    failed = stories.in_stages(snapshot.db, {StageName.MERGE_FAILURE})
    waiting = [story for story in failed if snapshot.live_run(story.id) is None]
    decided = ((story, snapshot.decision(story)) for story in waiting)
    return [move_of(story, decision) for story, decision in decided if isinstance(decision, ApplyEvent)]


MERGE_RECOVERY = Pass("merge-recovery", plan, one_by_one(apply))
