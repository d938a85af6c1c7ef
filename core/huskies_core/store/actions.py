"""What a timer or a trigger does when it fires: a tool call, a prompt that becomes a task, or letting a story go on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huskies_core.templates import fill, placeholders


@dataclass(frozen=True)
class ToolCall:
    """`arguments` is a JSON object, as text: the same call is the same value."""

    tool: str
    arguments: str

    @property
    def values(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.arguments)
        return found


@dataclass(frozen=True)
class Prompt:
    text: str


@dataclass(frozen=True)
class Continue:
    """A story's wait for its agent's account is over: auto-assign starts the agent again."""

    story: int


Action = ToolCall | Prompt | Continue


SOURCE_VARIABLES = ("story_id", "story_title", "event", "from", "to")
"""What the deed of a trigger may name of the transition that it follows, as `{{story_id}}`."""


def aimed(deed: Action, values: Mapping[str, str]) -> Action:
    """The deed with its variables filled in. An argument that is nothing but `{{story_id}}` becomes the number."""
    match deed:
        case Prompt(text):
            return Prompt(fill(text, values))
        case ToolCall(tool):
            return ToolCall(tool, json.dumps(_aimed(deed.values, values), ensure_ascii=False))
        case _:
            return deed


def variables_of(deed: Action) -> tuple[str, ...]:
    """The names in `{{…}}` that the deed has, wherever they stand."""
    match deed:
        case Prompt(text):
            return placeholders(text)
        case ToolCall():
            return placeholders(deed.arguments)
        case _:
            return ()


def _aimed(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return int(values["story_id"]) if value.strip() == "{{story_id}}" else fill(value, values)
    if isinstance(value, list):
        return [_aimed(item, values) for item in value]
    if isinstance(value, dict):
        return {name: _aimed(item, values) for name, item in value.items()}
    return value


def document(deed: Action) -> dict[str, Any]:
    """The deed as JSON: `{"tool", "args"}`, `{"prompt"}` or `{"go_on"}`."""
    match deed:
        case Prompt():
            return {"prompt": deed.text}
        case Continue():
            return {"go_on": deed.story}
        case ToolCall():
            return {"tool": deed.tool, "args": deed.values}


def encode(deed: Action) -> str:
    return json.dumps(document(deed), ensure_ascii=False)


def decode(written: str) -> Action:
    raw = json.loads(written)
    if "prompt" in raw:
        return Prompt(raw["prompt"])
    if "go_on" in raw:
        return Continue(raw["go_on"])
    return ToolCall(raw["tool"], json.dumps(raw["args"], ensure_ascii=False))


def told(deed: Action) -> str:
    """The deed in a few words."""
    match deed:
        case Prompt():
            return "prompt"
        case Continue():
            return f"story {deed.story} goes on"
        case ToolCall():
            return f"tool {deed.tool}"
