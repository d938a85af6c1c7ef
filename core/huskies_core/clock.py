"""Time as the store and the command line write it. The one place that reads the clock; all else takes `now`."""

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    return datetime.now(UTC)


def to_iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`: sorts as text the way it sorts as time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def to_local(moment: datetime) -> str:
    """To the minute, in the moment's own time zone, and which that is."""
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
