"""The clock, and the formats of times. Only this module reads the clock; other code takes `now` as an argument."""

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    return datetime.now(UTC)


def to_iso(moment: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds and `Z`. Its texts sort like the times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def to_local(moment: datetime) -> str:
    """Return date, time to the minute, and time zone, in the moment's own time zone."""
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzinfo}"


def from_iso(text: str) -> datetime:
    return datetime.fromisoformat(text)


def midnight(now: datetime, zone: str) -> datetime:
    """Return the beginning of the day of `now` in the time zone."""
    from zoneinfo import ZoneInfo  # a slow import that an idle tick does not need

    return now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)


def next_midnight(now: datetime, zone: str) -> datetime:
    """Return the end of the day of `now` in the time zone."""
    return midnight(now, zone) + timedelta(days=1)
