"""Drafts of stories."""

from typing import Any

from msgspec.structs import replace

from huskies_core.store.stories import Criterion, StoryDraft


def draft(title: str = "Show the board", **fields: Any) -> StoryDraft:
    """Return a story with one criterion, unless `fields` has others."""
    return replace(StoryDraft(title, criteria=(Criterion("It is shown"),)), **fields)
