"""Stories, runs, rows of the journal, and fields of other records as JSON values."""

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from huskies_core.clock import to_iso
from huskies_core.pipeline.stages import payload_to_json, reason_of
from huskies_core.store.journal import JournalEntry
from huskies_core.store.stories import Story, StoryDraft

if TYPE_CHECKING:
    from huskies_core.store.runs import Run

_LONG = ("description", "criteria")
"""The fields that only the page of a story has."""
_OF_RUN = (
    *("id", "story", "kind", "agent", "status", "outcome", "detail"),
    *("started_at", "ended_at", "turns", "cost_usd"),
)


def story_json(story: Story) -> dict[str, object]:
    """Return a story; its fields are those of its draft."""
    fields = {name: value for name, value in asdict(story.draft).items() if name not in _LONG}
    return {
        "id": story.id,
        **{name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()},
        "stage": story.stage.name,
        "stage_entered_at": story.stage_entered_at,
        "retries": story.retries,
        "reason": reason_of(story.stage) or None,
        "payload": payload_to_json(story.stage),
    }


def criteria_json(draft: StoryDraft) -> list[dict[str, object]]:
    return [{"text": item.text, "checked": item.checked} for item in draft.criteria]


def run_json(run: "Run") -> dict[str, object]:
    return pick(run, *_OF_RUN)


def entry_json(entry: JournalEntry) -> dict[str, object]:
    return {**asdict(entry), "detail": dict(entry.detail)}


def pick(record: object, *names: str) -> dict[str, object]:
    """Return those fields of a record by name. Times are in ISO 8601; other values are unchanged."""
    values = ((name, getattr(record, name)) for name in names)
    return {name: to_iso(value) if isinstance(value, datetime) else value for name, value in values}
