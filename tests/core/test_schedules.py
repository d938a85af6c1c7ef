"""Schedules across clock changes. London's are on 29 March 2026 at 01:00 and on 25 October at 02:00."""

from datetime import UTC, datetime, timedelta

import pytest

from huskies_core.schedules import (
    Cron,
    Every,
    Once,
    Schedule,
    first_instant,
    next_instant,
    next_instants,
    schedule_from_json,
    schedule_to_json,
)

LONDON = "Europe/London"
SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)


def times(expression: str, after: datetime, count: int = 3, zone: str = LONDON) -> list[str]:
    """Return the next times in UTC, as `29 01:00`."""
    instants = next_instants(Cron(expression, zone), after, count + 1)[1:]
    return [moment.strftime("%d %H:%M") for moment in instants]


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("30 2 * * *", SPRING, ["29 01:30", "30 01:30", "31 01:30"]),
        ("30 2 * * *", AUTUMN, ["25 02:30", "26 02:30", "27 02:30"]),
        # 01:30 is left out on the 29th: at the first instant after the gap, 02:00 there.
        ("30 1 * * *", SPRING, ["29 01:00", "30 00:30", "31 00:30"]),
        # 01:30 comes twice on the 25th: the first of the two, once.
        ("30 1 * * *", AUTUMN, ["25 00:30", "26 01:30", "27 01:30"]),
        ("0,30 1 * * *", SPRING, ["29 01:00", "30 00:00", "30 00:30"]),
    ],
)
def test_a_fixed_time_occurs_once_a_day_across_clock_changes(
    expression: str, after: datetime, expected: list[str]
) -> None:
    assert times(expression, after) == expected


def test_a_time_each_half_hour_follows_the_clock() -> None:
    spring = times("*/30 * * * *", datetime(2026, 3, 29, 0, 15, tzinfo=UTC), 3)
    autumn = times("*/30 * * * *", datetime(2026, 10, 25, 0, 15, tzinfo=UTC), 5)
    assert (spring, autumn) == (
        ["29 00:30", "29 01:00", "29 01:30"],
        ["25 00:30", "25 01:00", "25 01:30", "25 02:00", "25 02:30"],
    )


@pytest.mark.parametrize(
    ("expression", "spring", "autumn"),
    [
        ("30 2 * * *", ["29 01:30"], ["25 02:30"]),
        ("30 1 * * *", ["29 01:00"], ["25 00:30"]),
        ("30 * * * *", ["29 01:30"], ["25 00:30", "25 01:30", "25 02:30"]),
        (
            "*/20 1,2 * * *",
            ["29 01:00", "29 01:20", "29 01:40"],
            [f"25 {hour}:{minute}" for hour in ("00", "01", "02") for minute in ("00", "20", "40")][:-1],
        ),
    ],
)
def test_times_equal_those_of_debians_cron(expression: str, spring: list[str], autumn: list[str]) -> None:
    """Observed with cron 3.0pl1 of Debian 12 in Europe/London and a clock sixty times as fast, from 00:40 on both days:
    in spring up to 02:50, in autumn up to 02:35 of winter time."""
    windows = (
        (datetime(2026, 3, 29, 0, 40, tzinfo=UTC), datetime(2026, 3, 29, 1, 50, tzinfo=UTC), spring),
        (datetime(2026, 10, 24, 23, 40, tzinfo=UTC), datetime(2026, 10, 25, 2, 35, tzinfo=UTC), autumn),
    )
    for begin, end, observed in windows:
        instants = next_instants(Cron(expression, LONDON), begin, 20)[1:]
        assert [moment.strftime("%d %H:%M") for moment in instants if moment <= end] == observed


def test_no_time_repeats_in_the_second_of_two_equal_hours() -> None:
    within = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert times("30 1 * * *", within, 1) == ["26 01:30"]


@pytest.mark.parametrize(
    ("wall", "zone", "expected"),
    [
        ("2026-03-29T01:30", LONDON, "2026-03-29T01:00:00"),
        ("2026-03-29T02:00", LONDON, "2026-03-29T01:00:00"),
        ("2026-10-25T01:30", LONDON, "2026-10-25T00:30:00"),
        ("2026-06-01T09:00", LONDON, "2026-06-01T08:00:00"),
        ("2026-12-01T09:00", LONDON, "2026-12-01T09:00:00"),
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00:00"),
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:30:00"),
    ],
)
def test_a_time_on_the_clock_is_one_instant(wall: str, zone: str, expected: str) -> None:
    assert first_instant(datetime.fromisoformat(wall), zone) == datetime.fromisoformat(expected).replace(
        tzinfo=UTC
    )


def test_an_interval_keeps_its_phase_after_a_pause() -> None:
    first = datetime(2026, 3, 1, 12, tzinfo=UTC)
    late = first + timedelta(hours=20, minutes=7)
    assert next_instant(Every(6 * 3600), first, late) == first + timedelta(hours=24)


def test_an_interval_is_elapsed_time() -> None:
    assert next_instants(Every(86_400), SPRING, 3) == (SPRING, SPRING + timedelta(1), SPRING + timedelta(2))


def test_a_single_time_has_no_next_one() -> None:
    assert (next_instant(Once(), SPRING, AUTUMN), next_instants(Once(), SPRING, 3)) == (None, (SPRING,))


@pytest.mark.parametrize("schedule", [Once(), Every(90), Cron("0 9 * * 1-5", LONDON)])
def test_a_schedule_is_read_as_it_was_written(schedule: Schedule) -> None:
    assert schedule_from_json(schedule_to_json(schedule)) == schedule


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("* * * *", "UTC"),
        ("0 0 9 * * 1", "UTC"),
        ("61 * * * *", "UTC"),
        ("0 0 31 2 *", "UTC"),
        ("0 9 * * *", "Nowhere"),
    ],
)
def test_an_invalid_expression_or_one_without_a_date_is_refused(expression: str, zone: str) -> None:
    with pytest.raises(ValueError, match="'"):
        Cron(expression, zone)
