"""merge-recovery: what follows each merge failure, and the end of what held the merge queue."""

from huskies_core.context import Context
from huskies_core.passes.actions import Action, Verb
from huskies_core.passes.moving import move_story
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.planning import move_of
from huskies_core.pipeline.stages import StageName
from huskies_core.scheduler.decisions import Fire
from huskies_core.scheduler.snapshot import World
from huskies_core.store import queue_holds, stories
from huskies_core.store.queue_holds import HoldKind


def plan(world: World) -> tuple[Action, ...]:
    """Whether a hold is over only the repository can tell: git is asked where there is one."""
    over = (hold for hold in world.holds if world.is_over(hold))
    return (
        *(Action(Verb.RELEASE_HOLD, hold.story or None, hold.kind.value) for hold in over),
        *_moves(world),
    )


def apply(context: Context, action: Action) -> str:
    if action.verb is not Verb.RELEASE_HOLD:
        return move_story(context, action)
    with context.store.exclusive() as db:
        queue_holds.release_matching(
            db, HoldKind(action.detail), action.story, actor=context.actor, now=context.now()
        )
    return ""


def _moves(world: World) -> list[Action]:
    failed = stories.in_stages(world.db, {StageName.MERGE_FAILURE})
    waiting = [story for story in failed if world.live_run(story.id) is None]
    decided = ((story, world.decision(story)) for story in waiting)
    return [move_of(story, decision) for story, decision in decided if isinstance(decision, Fire)]


MERGE_RECOVERY = Pass("merge-recovery", plan, one_by_one(apply))
