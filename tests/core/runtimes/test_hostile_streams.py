"""Invalid output of agents: every reader skips it and counts the next lines."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huskies_core.runtimes.registry import load_runtime, runtime_names
from huskies_core.supervisor.progress import LineFeed

GOOD = {
    "claude-code": {"type": "result", "total_cost_usd": 0.5, "session_id": "s", "result": "bye"},
    "codex": {"type": "thread.started", "thread_id": "s"},
    "command": {"usage": {"cost_usd": 0.5, "session_id": "s"}},
}
"""For each runtime, a line with the session."""
WORDS = (
    *("type", "assistant", "message", "content", "usage", "result", "model", "id", "session_id", "item"),
    *("error", "rate_limit_info", "permission_denials", "modelUsage", "rate_limit", "status", "input_tokens"),
)
TYPES = ("assistant", "result", "rate_limit_event", "item.completed", "turn.completed", "turn.failed", "user")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", runtime_names())
@settings(deadline=None)
@given(pieces=st.lists(st.binary(max_size=200), max_size=8))
def test_meaningless_bytes_are_skipped(name: str, pieces: list[bytes]) -> None:
    reader = load_runtime(name).make_reader()
    feed = LineFeed(reader)
    for piece in (*pieces, b"\n", json.dumps(GOOD[name]).encode(), b"\n"):
        feed.add(piece)
    assert reader.session_id == "s"


@pytest.mark.parametrize("name", runtime_names())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(kind=st.sampled_from(TYPES), fields=st.dictionaries(st.sampled_from(WORDS), JSON, max_size=5))
def test_json_of_any_other_shape_is_skipped(name: str, kind: str, fields: dict[str, object]) -> None:
    runtime = load_runtime(name)
    reader = runtime.make_reader()
    line = json.dumps({**fields, "type": kind}).encode()
    reader.feed(line)
    shown = runtime.readable(line)
    assert (shown is None or isinstance(shown, str), reader.turns in (0, 1)) == (True, True)


@pytest.mark.parametrize("name", runtime_names())
def test_a_cut_line_and_one_of_ten_megabytes_do_not_affect_other_lines(name: str) -> None:
    reader = load_runtime(name).make_reader()
    feed = LineFeed(reader)
    whole = json.dumps(GOOD[name]).encode()
    feed.add(whole[:20] + b"\n" + b'{"type": "' + b"x" * 10_000_000 + b'"}\n' + b"\xff\xfe{\n")
    lost = reader.session_id
    for start in range(0, len(whole), 7):
        feed.add(whole[start : start + 7])
    feed.end()
    assert (lost, reader.session_id) == (None, "s")
