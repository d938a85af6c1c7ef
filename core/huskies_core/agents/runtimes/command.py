"""The runtime for any program: JSON lines `{"usage": {...}}` among its output tell what it did and spent.

Keys of usage, all optional: model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
cost_usd, turns (1 unless given), tool_turns (0 unless given), session_id. Records add up. What is no such
line is plain output."""

import json
from typing import Any

_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_LAST_WORDS = 400
_ABSURD = 1e15


class CommandReader:
    """Counts usage records. A record with anything but sensible values in it is plain output as a whole."""

    def __init__(self) -> None:
        self.turns = 0
        self.tool_turns = 0
        self.usage: dict[str, dict[str, float]] = {}
        self.cost_usd = 0.0
        self.session_id: str | None = None
        self.waiting_until: float | None = None
        self.last_words = ""

    def feed(self, line: bytes) -> None:
        record = _usage_record(line)
        if record is None:
            self.last_words = line[-_LAST_WORDS:].decode(errors="replace").strip() or self.last_words
            return
        self.turns += int(record.get("turns", 1))
        self.tool_turns += int(record.get("tool_turns", 0))
        self.session_id = record.get("session_id", self.session_id)
        self._spend(record)

    def _spend(self, record: dict[str, Any]) -> None:
        total = self.usage.setdefault(record.get("model", ""), dict.fromkeys(_TOKENS, 0))
        for name in _TOKENS:
            total[name] += int(record.get(name, 0))
        if "cost_usd" in record:
            total["cost_usd"] = total.get("cost_usd", 0.0) + record["cost_usd"]
            self.cost_usd += record["cost_usd"]


def make_reader() -> CommandReader:
    return CommandReader()


def _usage_record(line: bytes) -> dict[str, Any] | None:
    if b'"usage"' not in line:
        return None
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return None
    record = parsed.get("usage") if isinstance(parsed, dict) else None
    return record if isinstance(record, dict) and _is_sensible(record) else None


def _is_sensible(record: dict[str, Any]) -> bool:
    words = (record.get(name, "") for name in ("model", "session_id"))
    numbers = (record.get(name, 0) for name in (*_TOKENS, "cost_usd", "turns", "tool_turns"))
    return all(isinstance(word, str) for word in words) and all(_is_amount(number) for number in numbers)


def _is_amount(value: object) -> bool:
    """A number that can be added up for years: no true, no NaN, no infinity, nothing negative or absurd."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _ABSURD
