"""Runtime for any program: JSON lines `{"usage": {...}}` in its output report usage, `{"rate_limit": {...}}` a limit.

Keys of usage, all optional: model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd, turns
(default 1), tool_turns (default 0), session_id. Records add up. Keys of rate_limit: status ("rejected", or
"allowed_warning" for a limit that only slows the program down), resets_at (unix seconds) and detail, both optional. The
next usage record ends a limit. Other lines are plain output.
"""

from typing import Any

from huskies_core.runtimes.json_lines import amount, is_amount, object_at, parse_object, text
from huskies_core.runtimes.runtime import TOKENS, RateLimit, Reader, Runtime

_MOST_BYTES = 1600
"""Bytes of a line that can become the last words."""


class CommandReader(Reader):
    """Counts usage records. A record with an invalid value is plain output."""

    def feed(self, line: bytes) -> None:
        limit, record = _parse_limit(line), _parse_usage(line)
        if limit is not None:
            self.set_rate_limit(limit)
        elif record is None:
            self.set_last_words(line[-_MOST_BYTES:].decode(errors="replace"))
        else:
            self._add_usage(record)

    def _add_usage(self, record: dict[str, Any]) -> None:
        self.clear_hard_limit()
        self.turns += int(record.get("turns", 1))
        self.tool_turns += int(record.get("tool_turns", 0))
        self.session_id = record.get("session_id", self.session_id)
        tokens = self.tokens_of(record.get("model", ""))
        for name in TOKENS:
            tokens[name] += int(record.get(name, 0))
        if "cost_usd" in record:
            tokens["cost_usd"] = tokens.get("cost_usd", 0.0) + record["cost_usd"]
            self.cost_usd += record["cost_usd"]


make_reader = CommandReader


def _parse_usage(line: bytes) -> dict[str, Any] | None:
    record = (parse_object(line) or {}).get("usage") if b'"usage"' in line else None
    if not isinstance(record, dict):
        return None
    strings = (record.get(name, "") for name in ("model", "session_id"))
    numbers = (record.get(name, 0) for name in (*TOKENS, "cost_usd", "turns", "tool_turns"))
    is_valid = all(isinstance(value, str) for value in strings) and all(map(is_amount, numbers))
    return record if is_valid else None


def _parse_limit(line: bytes) -> RateLimit | None:
    record = object_at(parse_object(line) or {}, "rate_limit") if b'"rate_limit"' in line else {}
    status = record.get("status")
    if status not in ("rejected", "allowed_warning"):
        return None
    resets_at = amount(record.get("resets_at")) or None
    return RateLimit(status == "rejected", resets_at, text(record.get("detail")))


def readable(line: bytes) -> str | None:
    """Return a one-line summary of a usage record, or None if the line is not one."""
    reader = CommandReader()
    reader.feed(line)
    if not reader.usage:
        return None
    (model, tokens), *_ = reader.usage.items()
    summary = f"{int(tokens['input_tokens'])} in, {int(tokens['output_tokens'])} out, {reader.turns} turns"
    cost = f", {reader.cost_usd:.4f} USD" if reader.cost_usd else ""
    return f"[usage{f' {model}' if model else ''}: {summary}{cost}]"


RUNTIME = Runtime("command", None, lambda assignment: assignment.command, make_reader, readable)
