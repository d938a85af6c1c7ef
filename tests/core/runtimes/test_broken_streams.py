"""Unusual output of coding agents: lone surrogates, lines above the limit, parallel subagents."""

import json

import pytest

from huskies_core.runtimes.registry import load_runtime, runtime_names
from huskies_core.runtimes.runtime import Reader
from huskies_core.supervisor.progress import LINE_BYTES, LineFeed

HALF = r"cut \ud83d here"
LINES = {
    "claude-code": rf'{{"type":"result","result":"{HALF}","modelUsage":{{"{HALF}":{{}}}}}}',
    "codex": rf'{{"type":"item.completed","item":{{"type":"agent_message","text":"{HALF}"}}}}',
    "command": rf'{{"usage":{{"model":"{HALF}","session_id":"s"}}}}',
}
REFUSAL = "Permission to use Bash has been denied because Claude Code is running in don't ask mode."


def claude(*events: object) -> Reader:
    reader = load_runtime("claude-code").make_reader()
    feed = LineFeed(reader)
    for event in events:
        feed.add(json.dumps(event, separators=(",", ":")).encode() + b"\n")
    return reader


def assistant_message(message: str, *blocks: object, parent: str | None = None) -> dict[str, object]:
    usage = {"input_tokens": 10, "output_tokens": 1}
    content = {"id": message, "type": "message", "role": "assistant", "model": "m", "content": blocks}
    return {"type": "assistant", "message": {**content, "usage": usage}, "parent_tool_use_id": parent}


def call(words: str = "true") -> dict[str, object]:
    return {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": words}}


@pytest.mark.parametrize("name", runtime_names())
def test_a_lone_surrogate_is_replaced(name: str) -> None:
    reader = load_runtime(name).make_reader()
    reader.feed(LINES[name].encode())
    kept = json.dumps([reader.last_words, reader.usage], ensure_ascii=False)
    assert "cut ? here" in kept.encode().decode()


@pytest.mark.parametrize("session", ["a\0b", "--dangerously", "", "two words", "x" * 300, 7, None])
def test_an_invalid_session_id_is_ignored(session: object) -> None:
    assert claude({"type": "system", "session_id": session}).session_id is None


def test_a_call_too_long_to_read_is_a_turn_that_uses_a_tool() -> None:
    reader = claude(
        assistant_message("m1", {"type": "text", "text": "I write it."}),
        assistant_message("m1", call("x" * LINE_BYTES)),
        assistant_message("m2", call()),
    )
    assert (reader.turns, reader.tool_turns, reader.last_words) == (2, 2, "I write it.")


def test_subagents_that_work_at_once_are_counted_once() -> None:
    """The parts of their messages interleave."""
    parts = [
        assistant_message(f"m{parent}", call(), parent=parent) for _ in range(2) for parent in ("1", "2")
    ]
    reader = claude(*parts)
    assert (reader.turns, reader.tool_turns, reader.usage["m"]["input_tokens"]) == (2, 2, 20)


def test_a_refused_tool_counts_before_the_end_and_once_after_it() -> None:
    refusal = {"type": "tool_result", "tool_use_id": "t", "content": REFUSAL, "is_error": True}
    answer = {"type": "user", "message": {"role": "user", "content": [refusal]}}
    end = {"type": "result", "permission_denials": [{"tool_name": "Bash", "tool_use_id": "t"}]}
    assert [claude(assistant_message("m", call()), answer, *last).denied for last in ((), (end,))] == [
        {"Bash": 1}
    ] * 2


def test_an_unreachable_service_counts_as_a_rate_limit() -> None:
    detail = "API Error: Unable to connect to API (ConnectionRefused)"
    reader = claude({"type": "result", "is_error": True, "api_error_status": None, "result": detail})
    assert (reader.rate_limit and reader.rate_limit.detail) == detail
