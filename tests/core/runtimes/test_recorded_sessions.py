"""Recorded sessions of Claude Code 2.1.197 and Codex 0.169.0, read by their runtimes."""

import json
from pathlib import Path

import pytest

from huskies_core.runtimes import claude_code
from huskies_core.runtimes.registry import load_runtime, runtime_names
from huskies_core.runtimes.runtime import Failure, FailureKind, RateLimit, Reader

RECORDINGS = Path(__file__).parent / "recordings"
OF_CLAUDE = {
    "input_tokens": 2400,
    "output_tokens": 300,
    "cache_read_tokens": 10000,
    "cache_write_tokens": 600,
}


def read(name: str) -> Reader:
    runtime = load_runtime("claude-code" if name.startswith("claude") else "codex")
    reader = runtime.make_reader()
    for line in (RECORDINGS / f"{name}.jsonl").read_bytes().splitlines():
        reader.feed(line)
    return reader


def test_the_runtimes_are_found_by_their_modules() -> None:
    assert runtime_names() == ("claude-code", "codex", "command")
    assert [load_runtime(name).name for name in runtime_names()] == list(runtime_names())


def test_a_successful_session_of_claude_code() -> None:
    reader = read("claude-success")
    assert (reader.turns, reader.tool_turns, round(reader.cost_usd, 6)) == (2, 1, 0.01695)
    assert reader.usage == {"claude-sonnet-5": {**OF_CLAUDE, "cost_usd": reader.cost_usd}}
    assert (reader.failure, reader.rate_limit, reader.denied) == (None, None, {})
    assert (reader.session_id, reader.last_words) == (
        "aa54f6c9-8783-421f-ad04-f61426bce2f5",
        "All criteria are met.",
    )


def test_the_final_account_replaces_the_counts() -> None:
    """The last line has this name when the model was requested with its long context."""
    reader = load_runtime("claude-code").make_reader()
    for line in (RECORDINGS / "claude-success.jsonl").read_bytes().splitlines():
        reader.feed(line.replace(b'"claude-sonnet-5":', b'"claude-sonnet-5[1m]":'))
    assert reader.usage == {"claude-sonnet-5[1m]": {**OF_CLAUDE, "cost_usd": reader.cost_usd}}


def test_tokens_are_counted_before_the_final_account() -> None:
    reader = load_runtime("claude-code").make_reader()
    for line in (RECORDINGS / "claude-success.jsonl").read_bytes().splitlines()[:-1]:
        reader.feed(line)
    assert (reader.usage, reader.cost_usd, reader.turns) == ({"claude-sonnet-5": OF_CLAUDE}, 0.0, 2)


def test_claude_code_at_its_limit_of_turns() -> None:
    reader = read("claude-max-turns")
    assert (reader.turns, reader.tool_turns) == (3, 3)
    assert reader.failure == Failure(FailureKind.LIMIT, "max_turns: Reached maximum number of turns (3)")


def test_claude_code_is_denied_a_tool() -> None:
    reader = read("claude-permission-denied")
    assert (reader.denied, reader.failure) == ({"Bash": 1}, None)


def test_claude_code_at_the_limit_of_its_account() -> None:
    reader = read("claude-rate-limit")
    detail = "API Error: Request rejected (429) · This request would exceed your account's rate limit."
    assert reader.rate_limit == RateLimit(is_hard=True, detail=f"{detail} Please try again later.")
    assert (reader.turns, reader.usage) == (0, {})
    assert reader.failure == Failure(FailureKind.ERROR, reader.last_words)


def test_a_failing_service_counts_as_a_rate_limit() -> None:
    limit = read("claude-api-error").rate_limit
    assert limit is not None
    assert (limit.is_hard, limit.resets_at, limit.detail[:35]) == (
        True,
        None,
        "API Error: 500 Internal server erro",
    )


def event(**record: object) -> bytes:
    return json.dumps(record).encode()


def limit_event(status: str) -> bytes:
    info = {"status": status, "resetsAt": 1796130000, "rateLimitType": "seven_day", "utilization": 0.8}
    return event(type="rate_limit_event", rate_limit_info=info)


FAILED = event(type="result", is_error=True, api_error_status=529, subtype="success", result="overloaded")


@pytest.mark.parametrize(("status", "known"), [("allowed_warning", None), ("rejected", 1796130000)])
def test_only_a_hard_limit_gives_the_time_of_a_failure(status: str, known: int | None) -> None:
    """A warning has the time at which the week ends. A failing service recovers long before that."""
    reader = claude_code.make_reader()
    for line in (limit_event(status), FAILED):
        reader.feed(line)
    assert reader.rate_limit == RateLimit(is_hard=True, resets_at=known, detail="overloaded")


def test_an_allowed_account_waits_for_nothing() -> None:
    reader = claude_code.make_reader()
    waits = []
    for line in (limit_event("rejected"), limit_event("allowed")):
        reader.feed(line)
        waits.append((reader.rate_limit is None, reader.waiting_until))
    assert waits == [(False, 1796130000), (True, None)]


def test_a_successful_session_of_codex() -> None:
    reader = read("codex-success")
    assert (reader.turns, reader.tool_turns, reader.cost_usd) == (3, 1, 0.0)
    used = {"input_tokens": 1200, "output_tokens": 240, "cache_read_tokens": 800, "cache_write_tokens": 0}
    assert reader.usage == {"": used}
    assert (reader.session_id, reader.last_words) == ("01a20536-d7a8-7131-b960-a9709c13a7be", "Done.")


@pytest.mark.parametrize("name", ["codex-api-error", "codex-usage-limit"])
def test_codex_at_a_limit(name: str) -> None:
    reader = read(name)
    assert reader.rate_limit is not None
    assert (reader.rate_limit.is_hard, reader.rate_limit.detail) == (True, reader.last_words)
