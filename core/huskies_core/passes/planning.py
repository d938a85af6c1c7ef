"""From what was decided for a story to the action that does it."""

from huskies_core.passes.actions import Move, PlannedStep, Verb
from huskies_core.pipeline.events import Block
from huskies_core.sanitize import one_line
from huskies_core.scheduler.decisions import ApplyEvent
from huskies_core.store.stories import Story


def move_of(story: Story, decision: ApplyEvent) -> PlannedStep:
    event = decision.event
    verb = Verb.BLOCK_STORY if isinstance(event, Block) else Verb.MOVE_STORY
    told = getattr(event, "reason", "") or getattr(event, "notes", "")
    detail = f"{event.name}: {one_line(told)[:200]}" if told else event.name
    return PlannedStep(verb, story.id, detail, Move(event, story.visit, decision.content))
