"""New and changed stories as text."""

from huskies_cli.advice import agent_advice, tick_advice
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_core.operations.stories import Updated
from huskies_core.store.stories import Story


def create_story(story: Story, call: Call) -> Result:
    advice = agent_advice(call.context, story.draft.agent)
    return Result(
        text=str(story.id), talk=(*advice, *(tick_advice(call.context) if call.values["start"] else ()))
    )


def update_story(updated: Updated, call: Call) -> Result:
    text = f"{updated.story.id}: {'updated' if updated.changed else 'nothing to change'}"
    return Result(text=text, talk=agent_advice(call.context, call.values["agent"]))
