"""What a timer or a trigger is to do, checked when it is made: a wrong call is refused then, not at night."""

import json
from collections.abc import Mapping
from typing import Any

from huskies_core.errors import UsageError
from huskies_core.store.deeds import Deed, Prompt, ToolCall
from huskies_core.text import has_controls, one_line
from huskies_core.tools.drafts import check_text


def deed_of(*, tool: str | None, args: Mapping[str, Any] | None, prompt: str | None) -> Deed:
    """The call of a tool, or the prompt: one of both. Raises UsageError or HuskiesError that names the field."""
    if (tool is None) == (prompt is None):
        hint = "Give --tool NAME with --args JSON, or --prompt TEXT."
        raise UsageError("what to do is one tool call or one prompt", hint=hint, subject="tool")
    if tool is not None:
        return _call_of(tool, args or {})
    if args is not None:
        raise UsageError("a prompt takes no arguments", subject="args")
    return _prompt_of(prompt or "")


def _call_of(tool: str, args: Mapping[str, Any]) -> ToolCall:
    from huskies_core.tools import registry

    registry.parse(registry.find(tool), args)
    return ToolCall(tool, json.dumps(dict(args), ensure_ascii=False))


def _prompt_of(text: str) -> Prompt:
    check_text("prompt", text)
    if not one_line(text):
        raise UsageError("the prompt is empty", subject="prompt")
    return Prompt(text)


def check_name(field: str, text: str) -> None:
    """Raises UsageError when `text` cannot be a label; none at all is fine."""
    check_text(field, text)
    if has_controls(text) or text != text.strip():
        raise UsageError(f"{text!r} is not one line of text", subject=field)


def number_of(name: str) -> int:
    """The number that `12` and `#12` name; 0 when it is a label."""
    digits = name.removeprefix("#")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0
