"""The actions of timers and triggers: a tool call, a prompt that becomes a task, or the continuation of a story."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from huskies_core.ids import StoryId
from huskies_core.templates import fill, placeholders


class ToolCall(Struct, frozen=True):
    """A call of a tool. `arguments` is the text of a JSON object, so that calls can be compared and hashed."""

    tool: str
    arguments: str

    @property
    def values(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.arguments)
        return values


class TaskPrompt(Struct, frozen=True):
    text: str


class Continue(Struct, frozen=True):
    """The continuation of a story after a rate limit: auto-assign starts its agent again."""

    story: StoryId


Action = ToolCall | TaskPrompt | Continue


SOURCE_VARIABLES = ("story_id", "story_title", "event", "from", "to")
"""The variables of a trigger's action, as in `{{story_id}}`. They describe the transition that it matched."""


def fill_variables(action: Action, values: Mapping[str, str]) -> Action:
    """Return the action with each variable replaced by its value."""
    match action:
        case TaskPrompt(text):
            return TaskPrompt(fill(text, values))
        case ToolCall(tool):
            return ToolCall(tool, json.dumps(fill_arguments(action.values, values), ensure_ascii=False))
        case _:
            return action


def variables_of(action: Action) -> tuple[str, ...]:
    """Return the names of the variables in the action."""
    match action:
        case TaskPrompt(text):
            return placeholders(text)
        case ToolCall():
            return placeholders(action.arguments)
        case _:
            return ()


def fill_arguments(value: Any, values: Mapping[str, str]) -> Any:
    """Return a JSON value with each variable in its texts replaced. The text `{{story_id}}` becomes a number."""
    if isinstance(value, str):
        return int(values["story_id"]) if value.strip() == "{{story_id}}" else fill(value, values)
    if isinstance(value, list):
        return [fill_arguments(item, values) for item in value]
    if isinstance(value, dict):
        return {name: fill_arguments(item, values) for name, item in value.items()}
    return value


def to_json(action: Action) -> dict[str, Any]:
    """Return the action as JSON: `{"tool", "args"}`, `{"prompt"}` or `{"go_on"}`."""
    match action:
        case TaskPrompt():
            return {"prompt": action.text}
        case Continue():
            return {"go_on": action.story}
        case ToolCall():
            return {"tool": action.tool, "args": action.values}


def from_json(document: Mapping[str, Any]) -> Action:
    if "prompt" in document:
        return TaskPrompt(document["prompt"])
    if "go_on" in document:
        return Continue(document["go_on"])
    return ToolCall(document["tool"], json.dumps(document["args"], ensure_ascii=False))


def describe(action: Action) -> str:
    """Return a short description of the action."""
    match action:
        case TaskPrompt():
            return "prompt"
        case Continue():
            return f"story {action.story} continues"
        case ToolCall():
            return f"tool {action.tool}"
