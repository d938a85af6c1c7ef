"""Schedules of timers: once, in an interval, or by a cron expression in its time zone.

When clocks go forward, a skipped time becomes the first instant after the gap. When they go back, a repeated time
counts once, the first time. Cron expressions with a star in the minutes or hours follow the clock instead, as in
Debian's cron.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct
from msgspec.structs import asdict


class Once(Struct, frozen=True):
    mode: ClassVar[str] = "once"


class Every(Struct, frozen=True):
    """An interval of elapsed time: a day is always 24 hours."""

    mode: ClassVar[str] = "every"
    seconds: int


class Cron(Struct, frozen=True):
    """Five fields in the time zone `zone`. Raise ValueError for an invalid expression, or one without a date."""

    mode: ClassVar[str] = "cron"
    expression: str
    zone: str

    def __post_init__(self) -> None:
        if len(self.expression.split()) != 5:
            raise ValueError(f"{self.expression!r} does not have five fields (minute hour day month weekday)")
        load_zone(self.zone)
        if next(_instants(self, datetime(2026, 1, 1, tzinfo=UTC)), None) is None:
            raise ValueError(f"{self.expression!r} matches no date")


Schedule = Once | Every | Cron


def schedule_to_json(schedule: Schedule) -> dict[str, Any]:
    return {"mode": schedule.mode, **asdict(schedule)}


def schedule_from_json(document: Mapping[str, Any]) -> Schedule:
    types: Mapping[str, type[Schedule]] = {kind.mode: kind for kind in (Once, Every, Cron)}
    return types[document["mode"]](**{key: value for key, value in document.items() if key != "mode"})


def next_instant(schedule: Schedule, last: datetime, now: datetime) -> datetime | None:
    """Return the first time after both `last` and `now`, or None. An interval counts from `last`."""
    match schedule:
        case Once():
            return None
        case Every(seconds):
            steps = max((now - last) // timedelta(seconds=seconds), 0) + 1
            return last + steps * timedelta(seconds=seconds)
        case Cron():
            return next(_instants(schedule, max(last, now)), None)


def next_instants(schedule: Schedule, first: datetime, count: int) -> tuple[datetime, ...]:
    """Return `first` and the times after it, at most `count` in all, in UTC."""
    return tuple(islice(_from(schedule, first), count))


def first_instant(wall: datetime, zone: str) -> datetime:
    """Return the first instant, in UTC, at which clocks in `zone` show `wall`; in a gap, the first instant after it."""
    tz = load_zone(zone)
    before, after = (wall.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
    return before if before <= after else _end_of_gap(tz, after, before)


def load_zone(name: str) -> ZoneInfo:
    """Return the time zone. Raise ValueError for an unknown name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"time zone {name!r} is not known") from error


def _end_of_gap(tz: ZoneInfo, earlier: datetime, later: datetime) -> datetime:
    """Return the second in which clocks change, by bisection between an instant before it and one after it."""
    offset = earlier.astimezone(tz).utcoffset()
    while later - earlier > timedelta(seconds=1):
        middle = earlier + ((later - earlier) / 2 // timedelta(seconds=1)) * timedelta(seconds=1)
        if middle.astimezone(tz).utcoffset() == offset:
            earlier = middle
        else:
            later = middle
    return later


def _from(schedule: Schedule, first: datetime) -> Iterator[datetime]:
    moment: datetime | None = first
    while moment is not None:
        yield moment
        moment = next_instant(schedule, moment, moment)


def _instants(cron: Cron, after: datetime) -> Iterator[datetime]:
    """Yield all instants after `after`, in order. Raise ValueError for an invalid expression."""
    from cronsim import CronSim, CronSimError

    # Start from the first of two equal clock times, so that the second one counts nothing.
    start = after.astimezone(load_zone(cron.zone)).replace(fold=0, microsecond=0)
    try:
        moments = CronSim(cron.expression, start)
    except CronSimError as error:
        raise ValueError(f"{cron.expression!r}: {error}") from error
    for moment in moments:
        at = moment.astimezone(UTC)
        if at > after:
            yield at
            after = at
