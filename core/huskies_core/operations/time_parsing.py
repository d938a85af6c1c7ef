"""Times and spans as people write them: `14:30`, `2026-12-01T09:00`, `2h`, `1h30m`."""

import re
from datetime import UTC, datetime, time, timedelta

from huskies_core.errors import UsageError
from huskies_core.schedules import first_instant, load_zone

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPAN = re.compile("".join(rf"(?:(\d{{1,9}}){unit})?" for unit in _UNITS))
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
LONGEST_SECS = 100 * 366 * 86_400


def moment(text: str, zone: str, now: datetime, *, subject: str) -> datetime:
    """Return the instant, in UTC, of `text` in the time zone `zone`; a time without a date is the next one.

    For a time that clocks skip when they go forward, return the first instant after the gap. For a time that occurs
    twice when they go back, return the first. Raise UsageError that names `subject`.
    """
    clock = _CLOCK.fullmatch(text.strip())
    if clock is not None:
        hour, minute, second = (int(part or 0) for part in clock.groups())
        return _next_at(time(hour, minute, second), zone, now)
    try:
        time_given = datetime.fromisoformat(text.strip())
        return time_given.astimezone(UTC) if time_given.tzinfo else first_instant(time_given, zone)
    except (ValueError, OverflowError) as error:
        hint = "Such as: 14:30, 2026-12-01T09:00, 2026-12-01T09:00Z."
        raise UsageError(f"{text!r} is not a time", hint=hint, subject=subject) from error


def span(text: str, *, subject: str) -> int:
    """Return the seconds of a span, at least 1. Raise UsageError with `subject` if `text` is not a span."""
    match = _SPAN.fullmatch(text.strip())
    parts = zip(match.groups() if match else (), _UNITS.values(), strict=False)
    seconds = sum(int(number or 0) * unit for number, unit in parts)
    if not 0 < seconds <= LONGEST_SECS:
        hint = "Such as: 90s, 30m, 2h, 1h30m, 1d, 1w."
        raise UsageError(f"{text!r} is not a span of time", hint=hint, subject=subject)
    return seconds


def _next_at(clock: time, zone: str, now: datetime) -> datetime:
    today = now.astimezone(load_zone(zone)).date()
    instants = (
        first_instant(datetime.combine(today + timedelta(days=day), clock), zone) for day in (0, 1, 2)
    )
    return next(at for at in instants if at > now)
