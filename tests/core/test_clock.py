from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from huskies_core.clock import from_iso, to_iso, utc_now

FIRST, LAST = datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2999-01-01")
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


def test_a_moment_is_written_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 3, 1, 1, 2, 3, 4_567, tzinfo=timezone(timedelta(hours=2)))
    assert to_iso(moment) == "2026-02-28T23:02:03.004Z"


@given(MOMENTS)
def test_a_written_moment_is_read_unchanged(moment: datetime) -> None:
    again = from_iso(to_iso(moment))
    assert timedelta(0) <= moment - again < timedelta(milliseconds=1)


@given(MOMENTS, MOMENTS)
def test_texts_sort_like_their_times(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    assert to_iso(earlier) <= to_iso(later)


def test_now_is_in_utc() -> None:
    assert utc_now().tzinfo is UTC
