"""The runtime for any program: JSON lines `{"usage": {...}}` among its output tell what it did and spent, and lines
`{"rate_limit": {...}}` that its account is at a limit.

Keys of usage, all optional: model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
cost_usd, turns (1 unless given), tool_turns (0 unless given), session_id. Records add up. Keys of rate_limit:
status ("rejected", or "allowed_warning" for one that only slows it down), resets_at (unix seconds) and detail, both
optional; the next usage record ends it. What is no such line is plain output."""

from typing import Any

from huskies_core.runtimes.counts import TOKENS, Counts, amount, object_at, parse_object, text
from huskies_core.runtimes.runtime import Assignment, RateLimit, Runtime

_ABSURD = 1e15
_LONGEST_WORDS = 1600
"""Bytes of a line that may be its last words."""


class CommandReader(Counts):
    """Counts usage records. A record with anything but sensible values in it is plain output as a whole."""

    def feed(self, line: bytes) -> None:
        record = _usage_record(line)
        limit = _limit_record(line)
        if limit is not None:
            self.meet_limit(limit)
            return
        if record is None:
            self.say(line[-_LONGEST_WORDS:].decode(errors="replace"))
            return
        self.leave_limit()
        self.turns += int(record.get("turns", 1))
        self.tool_turns += int(record.get("tool_turns", 0))
        self.session_id = record.get("session_id", self.session_id)
        self._spend(record)

    def _spend(self, record: dict[str, Any]) -> None:
        total = self.used(record.get("model", ""))
        for name in TOKENS:
            total[name] += int(record.get(name, 0))
        if "cost_usd" in record:
            total["cost_usd"] = total.get("cost_usd", 0.0) + record["cost_usd"]
            self.cost_usd += record["cost_usd"]


def make_reader() -> CommandReader:
    return CommandReader()


def argv(assignment: Assignment) -> tuple[str, ...]:
    return assignment.command


def readable(line: bytes) -> str | None:
    """A usage record in short."""
    reader = make_reader()
    reader.feed(line)
    if not reader.usage:
        return None
    (model, used), *_ = reader.usage.items()
    amounts = [(used["input_tokens"], "in"), (used["output_tokens"], "out"), (reader.turns, "turns")]
    told = ", ".join(f"{int(amount)} {name}" for amount, name in amounts)
    cost = f", {reader.cost_usd:.4f} USD" if reader.cost_usd else ""
    return f"[usage{f' {model}' if model else ''}: {told}{cost}]"


RUNTIME = Runtime("command", None, argv, make_reader, readable)


def _usage_record(line: bytes) -> dict[str, Any] | None:
    if b'"usage"' not in line:
        return None
    record = (parse_object(line) or {}).get("usage")
    return record if isinstance(record, dict) and _is_sensible(record) else None


def _limit_record(line: bytes) -> RateLimit | None:
    record = object_at(parse_object(line) or {}, "rate_limit") if b'"rate_limit"' in line else {}
    status = record.get("status")
    if status not in ("rejected", "allowed_warning"):
        return None
    resets_at = amount(record.get("resets_at")) or None
    return RateLimit(status == "rejected", resets_at, text(record.get("detail")))


def _is_sensible(record: dict[str, Any]) -> bool:
    words = (record.get(name, "") for name in ("model", "session_id"))
    numbers = (record.get(name, 0) for name in (*TOKENS, "cost_usd", "turns", "tool_turns"))
    return all(isinstance(word, str) for word in words) and all(_is_amount(number) for number in numbers)


def _is_amount(value: object) -> bool:
    """A number that can be added up for years: no true, no NaN, no infinity, nothing negative or absurd."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _ABSURD
