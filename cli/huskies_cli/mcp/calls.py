"""What a client may ask for: each call opens the project anew, so that it sees what others have changed meanwhile."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huskies_cli.failures import explain
from huskies_cli.project_context import open_context
from huskies_core.errors import HuskiesError, UsageError
from huskies_core.operations import registry
from huskies_core.sanitize import without_controls

BOARD = "huskies://board"
STORY = "huskies://stories/{id}"
_STORY_URI = re.compile("huskies://stories/([0-9]{1,18})")


@dataclass(frozen=True)
class Answer:
    """What a tool gave, or the error that it ended with: `{"code", "message", "hint", "field"}`."""

    document: Mapping[str, Any]
    failed: bool = False

    @property
    def text(self) -> str:
        return json.dumps(self.document, indent=1, ensure_ascii=False)


def call(start: Path, name: str, arguments: Mapping[str, Any]) -> Answer:
    """Calls a tool. What a person could act on is an answer, too; a bug is raised."""
    try:
        with open_context(start) as context:
            return Answer(registry.call(context, name, arguments))
    except (HuskiesError, OSError, sqlite3.Error) as error:
        known = explain(error)
        if known is None:
            raise
        return Answer(_error(known), failed=True)


def read(start: Path, uri: str) -> str:
    """The JSON behind a resource. Raises UsageError for what is none, HuskiesError for a story that never was."""
    found = _STORY_URI.fullmatch(uri)
    with open_context(start) as context:
        if uri == BOARD:
            return Answer(registry.call(context, "pipeline_status", {})).text
        if found is None:
            raise UsageError(
                f"there is no resource {uri}", hint=f"There are {BOARD} and {STORY}.", subject=uri
            )
        return Answer(registry.call(context, "show_story", {"id": int(found[1])})).text


def open_stories(start: Path) -> Iterator[tuple[str, str, str]]:
    """URI, name and title of each story that is not over."""
    with open_context(start) as context:
        found = registry.call(context, "list_stories", {})
    for story in found["stories"]:
        name = f"story {story['id']} ({story['stage']})"
        yield STORY.format(id=story["id"]), name, without_controls(story["title"])


def _error(error: HuskiesError) -> dict[str, Any]:
    told = {"code": error.code, "message": error.message, "hint": error.hint, "field": error.subject}
    return {"error": told}
