"""Applying an action that moves a story: the event, with the content that goes with it, in one transaction."""

from huskies_core.context import Context
from huskies_core.passes.actions import PlannedStep
from huskies_core.runs.stop import end_left_run
from huskies_core.store import content, transitions


def move_story(context: Context, action: PlannedStep) -> str:
    """Fires the planned event for the visit it was planned for, then ends the run that the visit had."""
    assert action.move is not None
    assert action.story is not None
    move, now = action.move, context.now()
    with context.store.exclusive() as db:
        done = transitions.apply_event(
            db, action.story, move.event, visit=move.visit, actor=context.actor, now=now
        )
        if not transitions.is_over(done):
            for key, value in move.content:
                content.put(db, action.story, key, value, now=now)
    if done.left_run is not None:
        end_left_run(context, done.left_run)
    return action.detail
