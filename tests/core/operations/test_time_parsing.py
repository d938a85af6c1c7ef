from datetime import UTC, datetime

import pytest

from huskies_core.errors import UsageError
from huskies_core.operations.time_parsing import moment, span

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14:30", "2026-03-28T14:30:00"),
        ("12:00", "2026-03-29T11:00:00"),
        ("1:30", "2026-03-29T01:00:00"),
        ("2026-12-01T09:00", "2026-12-01T09:00:00"),
        ("2026-06-01 09:00", "2026-06-01T08:00:00"),
        ("2026-06-01T09:00Z", "2026-06-01T09:00:00"),
        ("2026-06-01T09:00+02:00", "2026-06-01T07:00:00"),
        ("2026-03-29T01:30", "2026-03-29T01:00:00"),
        ("2026-10-25T01:30", "2026-10-25T00:30:00"),
        ("2020-01-01T00:00", "2020-01-01T00:00:00"),
    ],
)
def test_a_time_is_that_of_the_zone_and_without_a_date_the_next_one(text: str, expected: str) -> None:
    instant = moment(text, "Europe/London", NOW, subject="at")
    assert instant == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "25:00", "14:60", "tomorrow", "2026-13-01T09:00", "0001-01-01T00:00+14:00"]
)
def test_an_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        moment(text, "Europe/London", NOW, subject="at")
    assert refused.value.subject == "at"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1d", 86400), ("1w2d", 777600)],
)
def test_a_span_is_a_number_of_seconds(text: str, expected: int) -> None:
    assert span(text, subject="in") == expected


@pytest.mark.parametrize("text", ["", "0s", "2", "h", "30m1h", "-1h", "1.5h", "999999999w", "1 h"])
def test_an_invalid_span_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        span(text, subject="in")
    assert refused.value.subject == "in"
