"""Drafts of stories."""

from dataclasses import replace
from typing import Any

from huskies_core.store.stories import Criterion, Draft


def draft(title: str = "Show the board", **fields: Any) -> Draft:
    """A story with one criterion, unless `fields` say otherwise."""
    return replace(Draft(title, criteria=(Criterion("It is shown"),)), **fields)
