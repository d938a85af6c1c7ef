"""Tolerant access to the JSON objects in an agent's output, one on each line."""

import json
from typing import Any, TypeGuard

_TOO_LARGE = 1e15


def parse_object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a line, or None for any other line."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        parsed = load(line)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def load(content: bytes) -> Any:
    """Return a JSON value. Raise ValueError or RecursionError for other content.

    Replace lone surrogates, which a program leaves where it cuts a text: neither files nor the store accept them.
    """
    value = json.loads(content)
    if b"\\ud" in content.lower():
        value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    return value


def object_at(record: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object at a key, or an empty one."""
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list, or nothing for another value."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a string unchanged, and "" for another value."""
    return value if isinstance(value, str) else ""


def amount(value: object) -> float:
    """Return a number that can be summed for years, and 0 for other values: true, NaN, infinity, negative or huge."""
    return value if is_amount(value) else 0


def is_amount(value: object) -> TypeGuard[int | float]:
    """Return whether the value is a number that can be summed for years."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _TOO_LARGE
