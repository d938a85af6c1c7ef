"""The step that applies an event to a story and writes the content of the event, in one transaction."""

from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.pipeline.events import Block, Event
from huskies_core.runs.stop import end_left_run
from huskies_core.sanitize import one_line
from huskies_core.scheduler.decisions import ApplyEvent
from huskies_core.store import content, transitions
from huskies_core.store.stories import Story


@dataclass(frozen=True, kw_only=True)
class MoveStory(PlannedStep):
    """An event to apply for a visit. `content` is written in the same transaction for the next run."""

    story: int
    event: Event
    visit: int
    content: tuple[tuple[str, str], ...] = ()


def move_for(story: Story, decision: ApplyEvent) -> MoveStory:
    """Return the step that applies a decision."""
    event = decision.event
    verb = Verb.BLOCK_STORY if isinstance(event, Block) else Verb.MOVE_STORY
    reason = getattr(event, "reason", "") or getattr(event, "notes", "")
    detail = f"{event.name}: {one_line(reason)[:200]}" if reason else event.name
    return MoveStory(verb, detail, story=story.id, event=event, visit=story.visit, content=decision.content)


def move_story(context: Context, step: MoveStory) -> str:
    """Apply the event if the story is still in the planned visit, then end the live run of that visit."""
    now = context.now()
    with context.store.exclusive() as db:
        transition = transitions.apply_event(
            db, step.story, step.event, visit=step.visit, actor=context.actor, now=now
        )
        if not transitions.is_terminal(transition):
            for key, value in step.content:
                content.put(db, step.story, key, value, now=now)
    if transition.left_run is not None:
        end_left_run(context, transition.left_run)
    return step.detail
