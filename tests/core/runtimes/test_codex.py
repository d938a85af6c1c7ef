"""The time of a rate limit in a message of Codex."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from huskies_core.runtimes.codex import reset_time

LIMIT = "You’ve hit your usage limit. Upgrade to Pro, visit the settings to purchase more credits or"


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_a_time_of_today_means_the_end_of_its_minute() -> None:
    """The message is that of version 0.171.0."""
    reset = reset_time(f"{LIMIT} try again at 2:47 PM.")
    assert reset is not None
    assert time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(reset)) == time.strftime("%Y-%m-%d 14:48:00")
    assert datetime.fromtimestamp(reset, tz=UTC).hour == 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Nov 28th, 2026 2:47 PM", datetime(2026, 11, 28, 14, 48, tzinfo=UTC)),
        ("Dec 1st, 2026 12:05 AM", datetime(2026, 12, 1, 0, 6, tzinfo=UTC)),
        ("Dec 1, 2026 12:59 PM", datetime(2026, 12, 1, 13, 0, tzinfo=UTC)),
    ],
)
def test_a_date_before_the_time_is_used(words: str, expected: datetime) -> None:
    assert reset_time(f"{LIMIT} try again at {words}.") == expected.timestamp()


@pytest.mark.parametrize(
    "words", ["try again later.", "try again at noon.", "try again at Foo 3rd, 2026 1:00 PM."]
)
def test_a_message_without_a_time_gives_none(words: str) -> None:
    assert reset_time(f"{LIMIT} {words}") is None
