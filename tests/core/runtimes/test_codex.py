"""What Codex says of a limit, read as a time."""

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
def test_a_time_of_today_is_taken_to_the_end_of_its_minute() -> None:
    """The words are those of version 0.171.0."""
    found = reset_time(f"{LIMIT} try again at 2:47 PM.")
    assert found is not None
    assert time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found)) == time.strftime("%Y-%m-%d 14:48:00")
    assert datetime.fromtimestamp(found, tz=UTC).hour == 5


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("Nov 28th, 2026 2:47 PM", datetime(2026, 11, 28, 14, 48, tzinfo=UTC)),
        ("Dec 1st, 2026 12:05 AM", datetime(2026, 12, 1, 0, 6, tzinfo=UTC)),
        ("Dec 1, 2026 12:59 PM", datetime(2026, 12, 1, 13, 0, tzinfo=UTC)),
    ],
)
def test_a_day_that_stands_before_it_is_that_day(words: str, wanted: datetime) -> None:
    assert reset_time(f"{LIMIT} try again at {words}.") == wanted.timestamp()


@pytest.mark.parametrize(
    "words", ["try again later.", "try again at noon.", "try again at Foo 3rd, 2026 1:00 PM."]
)
def test_words_without_a_time_name_none(words: str) -> None:
    assert reset_time(f"{LIMIT} {words}") is None
