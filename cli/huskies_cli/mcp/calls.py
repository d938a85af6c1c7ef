"""The calls of a client. Each opens the project again, so that it sees the changes of other processes."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from huskies_cli.failures import explain
from huskies_cli.project_context import open_context
from huskies_core.errors import HuskiesError, UsageError
from huskies_core.operations import registry
from huskies_core.sanitize import without_controls

BOARD = "huskies://board"
STORY = "huskies://stories/{id}"
_STORY_URI = re.compile("huskies://stories/([0-9]{1,18})")


class Answer(Struct, frozen=True):
    """The result of a tool, or `{"error": {"code", "message", "hint", "field"}}`."""

    document: Mapping[str, Any]
    failed: bool = False

    @property
    def text(self) -> str:
        return json.dumps(self.document, indent=1, ensure_ascii=False)


def call(start: Path, name: str, arguments: Mapping[str, Any]) -> Answer:
    """Call a tool. Return an error that a person can act on as an answer; raise any other exception."""
    try:
        make_call = registry.prepare_call(name, arguments)
        with open_context(start) as context:
            return Answer(make_call(context))
    except (HuskiesError, OSError, sqlite3.Error) as error:
        explained = explain(error)
        if explained is None:
            raise
        fields = {
            "code": explained.code,
            "message": explained.message,
            "hint": explained.hint,
            "field": explained.subject,
        }
        return Answer({"error": fields}, failed=True)


def read(start: Path, uri: str) -> str:
    """Return the JSON of a resource. Raise UsageError for an unknown URI, HuskiesError for an unknown story."""
    match = _STORY_URI.fullmatch(uri)
    with open_context(start) as context:
        if uri == BOARD:
            return Answer(registry.call(context, "pipeline_status", {})).text
        if match is None:
            raise UsageError(
                f"there is no resource {uri}", hint=f"The resources are {BOARD} and {STORY}.", subject=uri
            )
        return Answer(registry.call(context, "show_story", {"id": int(match[1])})).text


def open_stories(start: Path) -> Iterator[tuple[str, str, str]]:
    """Yield URI, name and title of each story that is not finished."""
    with open_context(start) as context:
        stories = registry.call(context, "list_stories", {})["stories"]
    for story in stories:
        name = f"story {story['id']} ({story['stage']})"
        yield STORY.format(id=story["id"]), name, without_controls(story["title"])
