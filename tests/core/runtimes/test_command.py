"""Usage records of any program, and output that only resembles them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from huskies_core.runtimes.command import CommandReader, make_reader
from huskies_core.runtimes.runtime import RateLimit


def read(*lines: bytes) -> CommandReader:
    reader = make_reader()
    for line in lines:
        reader.feed(line)
    return reader


def test_records_add_up_by_model() -> None:
    reader = read(
        b'{"usage": {"model": "a", "input_tokens": 10, "output_tokens": 2, "cost_usd": 0.5}}',
        b'{"usage": {"model": "a", "cache_read_tokens": 3, "cost_usd": 0.25, "turns": 2, "tool_turns": 1}}',
        b'{"usage": {"model": "b", "cache_write_tokens": 4, "session_id": "s"}}',
    )
    assert (reader.turns, reader.tool_turns, reader.cost_usd, reader.session_id) == (4, 1, 0.75, "s")
    assert reader.usage == {
        "a": {
            "input_tokens": 10,
            "output_tokens": 2,
            "cache_read_tokens": 3,
            "cache_write_tokens": 0,
            "cost_usd": 0.75,
        },
        "b": {"input_tokens": 0, "output_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 4},
    }


def test_an_empty_record_is_a_turn() -> None:
    reader = read(b'{"usage": {}}')
    assert (reader.turns, reader.tool_turns, reader.last_words) == (1, 0, "")


@pytest.mark.parametrize(
    "line",
    [
        b"plain words",
        b'{"usage": ',
        b'{"usage": 7}',
        b'["usage", "usage"]',
        b'{"other": {"usage": {}}}',
        b'{"usage": {"input_tokens": -1}}',
        b'{"usage": {"turns": true}}',
        b'{"usage": {"cost_usd": NaN}}',
        b'{"usage": {"cost_usd": 1e999}}',
        b'{"usage": {"output_tokens": "7"}}',
        b'{"usage": {"model": 3}}',
        b'{"usage": {"session_id": null}}',
        b'{"usage": ' + b"[" * 100_000,
        b'{"usage": {"turns": ' + b"9" * 10_000 + b"}}",
        b'\xff\xfe{"usage": {}}',
    ],
)
def test_an_invalid_record_is_plain_output(line: bytes) -> None:
    reader = read(line)
    assert (reader.turns, reader.usage, reader.cost_usd) == (0, {}, 0.0)
    assert reader.last_words


def test_the_last_words_are_the_last_line_with_any() -> None:
    assert read(b"first", b"  second \xff", b"   ").last_words == "second �"


@given(st.binary())
@example(b'{"usage": {"model": "\\ud800"}}')
def test_the_reader_accepts_any_bytes(line: bytes) -> None:
    read(line)


def test_a_limit_lasts_until_the_next_usage_and_a_soft_one_longer() -> None:
    hard = b'{"rate_limit": {"status": "rejected", "resets_at": 1795698000, "detail": "five hour limit"}}'
    soft = b'{"rate_limit": {"status": "allowed_warning"}}'
    readers = [read(hard), read(hard, b'{"usage": {}}'), read(soft, b'{"usage": {}}')]
    assert [(reader.rate_limit, reader.waiting_until) for reader in readers] == [
        (RateLimit(is_hard=True, resets_at=1795698000, detail="five hour limit"), 1795698000),
        (None, None),
        (RateLimit(is_hard=False), None),
    ]


@pytest.mark.parametrize(
    "record",
    ["[]", "7", "{}", '{"status": "allowed"}', '{"status": ["rejected"]}', '{"status": {"rejected": 1}}'],
)
def test_an_invalid_limit_is_plain_output(record: str) -> None:
    line = f'{{"rate_limit": {record}}}'
    reader = read(line.encode())
    assert (reader.rate_limit, reader.waiting_until, reader.last_words) == (None, None, line)


@pytest.mark.parametrize("resets_at", ["true", "NaN", "-1", "Infinity", '"soon"', "1e300", "[1]"])
def test_a_limit_with_an_invalid_time_has_no_time(resets_at: str) -> None:
    line = f'{{"rate_limit": {{"status": "rejected", "resets_at": {resets_at}}}}}'
    reader = read(line.encode())
    assert (reader.rate_limit, reader.waiting_until) == (RateLimit(is_hard=True), None)
