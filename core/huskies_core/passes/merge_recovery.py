"""merge-recovery: apply the event that follows each merge failure, and release queue holds that no longer apply."""

from dataclasses import dataclass
from typing import assert_never

from huskies_core.context import Context
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.passes.story_moves import MoveStory, move_for, move_story
from huskies_core.pipeline.stages import StageName
from huskies_core.scheduler.decisions import ApplyEvent
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import queue_holds, stories
from huskies_core.store.queue_holds import QueueHoldKind


@dataclass(frozen=True, kw_only=True)
class ReleaseHold(PlannedStep):
    kind: QueueHoldKind


RecoveryStep = ReleaseHold | MoveStory


def plan(snapshot: Snapshot) -> tuple[RecoveryStep, ...]:
    """Plan the events and the releases. Run git only to check whether the reason of a queue hold still exists."""
    released = (
        ReleaseHold(Verb.RELEASE_HOLD, hold.story or None, hold.kind.value, kind=hold.kind)
        for hold in snapshot.queue_holds
        if snapshot.is_obsolete(hold)
    )
    failed = stories.in_stages(snapshot.db, {StageName.MERGE_FAILURE})
    waiting = [story for story in failed if snapshot.live_run(story.id) is None]
    decisions = ((story, snapshot.decision(story)) for story in waiting)
    moves = (move_for(story, decision) for story, decision in decisions if isinstance(decision, ApplyEvent))
    return (*released, *moves)


def apply(context: Context, step: RecoveryStep) -> str:
    match step:
        case MoveStory():
            return move_story(context, step)
        case ReleaseHold():
            with context.store.exclusive() as db:
                queue_holds.release_matching(
                    db, step.kind, step.story, actor=context.actor, now=context.now()
                )
            return ""
        case _:
            assert_never(step)


MERGE_RECOVERY = Pass("merge-recovery", plan, one_by_one(apply))
