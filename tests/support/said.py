"""Drafts of stories."""

from dataclasses import replace
from typing import Any

from huskies_core.store.stories import Criterion, StoryDraft


def draft(title: str = "Show the board", **fields: Any) -> StoryDraft:
    """A story with one criterion, unless `fields` say otherwise."""
    return replace(StoryDraft(title, criteria=(Criterion("It is shown"),)), **fields)
