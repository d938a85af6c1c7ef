"""Counts that every reader keeps, and tolerant access to the JSON objects in an agent's output."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from huskies_core.runtimes.runtime import Failure, RateLimit

LAST_WORDS = 400
"""Characters to keep of an agent's last message."""
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_SESSION = re.compile(r"[A-Za-z0-9][\w.:-]{0,199}", re.ASCII)
_TOO_LARGE = 1e15


@dataclass
class Counts:
    """The fields of runtime.Reader, all at zero."""

    turns: int = 0
    tool_turns: int = 0
    usage: dict[str, dict[str, float]] = field(default_factory=dict)
    cost_usd: float = 0.0
    session_id: str | None = None
    waiting_until: float | None = None
    last_words: str = ""
    rate_limit: RateLimit | None = None
    failure: Failure | None = None
    denied: dict[str, int] = field(default_factory=dict)

    def set_rate_limit(self, limit: RateLimit) -> None:
        """Record a rate limit. The program may wait for the end of a hard one in silence."""
        self.rate_limit = limit
        self.waiting_until = limit.resets_at if limit.is_hard else None

    def clear_hard_limit(self) -> None:
        """Clear a hard rate limit, because the model has answered. Keep a soft one."""
        if self.rate_limit is not None and self.rate_limit.is_hard:
            self.rate_limit = None
        self.waiting_until = None

    def set_last_words(self, text: str) -> None:
        self.last_words = text.strip()[-LAST_WORDS:] or self.last_words

    def set_session(self, session: object) -> None:
        """Record a session id if it is safe as an argument of a command line."""
        if isinstance(session, str) and _SESSION.fullmatch(session):
            self.session_id = session

    def count_denied(self, tool: str) -> None:
        self.denied[tool] = self.denied.get(tool, 0) + 1

    def tokens_of(self, model: str) -> dict[str, float]:
        """Return the mutable token counts of a model."""
        return self.usage.setdefault(model, dict.fromkeys(TOKENS, 0))


def parse_object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a line, or None for any other line.

    Replace lone surrogates, which a program leaves where it cuts a text: neither files nor the store accept them.
    """
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        parsed = json.loads(line)
        if b"\\ud" in line.lower():
            parsed = json.loads(json.dumps(parsed, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


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
