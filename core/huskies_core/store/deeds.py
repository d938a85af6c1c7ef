"""What a timer or a trigger does when it fires: a tool call, a prompt that becomes a task, or letting a story go on."""

import json
from dataclasses import dataclass
from typing import Any


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
class GoOn:
    """A story's wait for its agent's account is over: auto-assign starts the agent again."""

    story: int


Deed = ToolCall | Prompt | GoOn


def document(deed: Deed) -> dict[str, Any]:
    """The deed as JSON: `{"tool", "args"}`, `{"prompt"}` or `{"go_on"}`."""
    match deed:
        case Prompt():
            return {"prompt": deed.text}
        case GoOn():
            return {"go_on": deed.story}
        case ToolCall():
            return {"tool": deed.tool, "args": deed.values}


def encode(deed: Deed) -> str:
    return json.dumps(document(deed), ensure_ascii=False)


def decode(written: str) -> Deed:
    raw = json.loads(written)
    if "prompt" in raw:
        return Prompt(raw["prompt"])
    if "go_on" in raw:
        return GoOn(raw["go_on"])
    return ToolCall(raw["tool"], json.dumps(raw["args"], ensure_ascii=False))


def told(deed: Deed) -> str:
    """The deed in a few words."""
    match deed:
        case Prompt():
            return "prompt"
        case GoOn():
            return f"story {deed.story} goes on"
        case ToolCall():
            return f"tool {deed.tool}"
