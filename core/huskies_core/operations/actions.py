"""What a timer or a trigger is to do, checked when it is made: a wrong call is refused then, not at night."""

import json
from collections.abc import Mapping
from typing import Any

from huskies_core.errors import UsageError
from huskies_core.operations.drafts import check_text
from huskies_core.sanitize import has_controls, one_line
from huskies_core.store.actions import SOURCE_VARIABLES, Action, Prompt, ToolCall, aimed, variables_of

_EXAMPLE = {"story_id": "1", "story_title": "A title", "event": "start", "from": "backlog", "to": "coding"}


def deed_of(
    *, tool: str | None, args: Mapping[str, Any] | None, prompt: str | None, of_trigger: bool = False
) -> Action:
    """The call of a tool, or the prompt: one of both. That of a trigger may name what it follows, as `{{story_id}}`.

    Raises UsageError or HuskiesError that names the field.
    """
    if (tool is None) == (prompt is None):
        hint = "Give a tool with its args, or a prompt."
        raise UsageError("what to do is one tool call or one prompt", hint=hint, subject="tool")
    if tool is not None:
        return _call_of(tool, args or {}, of_trigger=of_trigger)
    if args is not None:
        raise UsageError("a prompt takes no arguments", subject="args")
    found = _prompt_of(prompt or "")
    if of_trigger:
        _check_variables(found, "prompt")
    return found


def _call_of(tool: str, args: Mapping[str, Any], *, of_trigger: bool) -> ToolCall:
    """Checked as it will be called: of a trigger with an example of what it may follow."""
    from huskies_core.operations import registry

    call = ToolCall(tool, json.dumps(dict(args), ensure_ascii=False))
    if of_trigger:
        _check_variables(call, "args")
    example = aimed(call, _EXAMPLE) if of_trigger else call
    assert isinstance(example, ToolCall)
    registry.parse(registry.find(tool), example.values)
    return call


def _check_variables(deed: Action, field: str) -> None:
    for name in variables_of(deed):
        if name not in SOURCE_VARIABLES:
            hint = f"There are: {', '.join(SOURCE_VARIABLES)}."
            raise UsageError(f"{{{{{name}}}}} stands for nothing", hint=hint, subject=field)


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
