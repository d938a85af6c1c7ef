"""What a timer or a trigger does when it fires: a tool call, or a prompt that becomes a task."""

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


Deed = ToolCall | Prompt


def document(deed: Deed) -> dict[str, Any]:
    """The deed as JSON: `{"tool", "args"}` or `{"prompt"}`."""
    if isinstance(deed, Prompt):
        return {"prompt": deed.text}
    return {"tool": deed.tool, "args": deed.values}


def encode(deed: Deed) -> str:
    return json.dumps(document(deed), ensure_ascii=False)


def decode(written: str) -> Deed:
    raw = json.loads(written)
    if "prompt" in raw:
        return Prompt(raw["prompt"])
    return ToolCall(raw["tool"], json.dumps(raw["args"], ensure_ascii=False))


def told(deed: Deed) -> str:
    """The deed in a few words."""
    return "prompt" if isinstance(deed, Prompt) else f"tool {deed.tool}"
