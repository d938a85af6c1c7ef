"""The JSON form of a story, which follows from the fields of its draft."""

from huskies_core.pipeline.stages import payload_to_json, reason_of
from huskies_core.store.stories import Story, StoryDraft

_LONG = ("description", "criteria")
"""The fields that only the page of a story has."""


def story_json(story: Story) -> dict[str, object]:
    short = {name: _plain(value) for name, value in vars(story.draft).items() if name not in _LONG}
    return {
        "id": story.id,
        **short,
        "stage": story.stage.name,
        "stage_entered_at": story.stage_entered_at,
        "retries": story.retries,
        "reason": reason_of(story.stage) or None,
        "payload": payload_to_json(story.stage),
    }


def criteria_json(draft: StoryDraft) -> list[dict[str, object]]:
    return [{"text": item.text, "checked": item.checked} for item in draft.criteria]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
