"""When a timer fires: once, every so often, or as a cron expression says in its time zone.

Where clocks are put forward, a time that is left out comes at the first instant after the gap; where they are put
back, a time that comes twice counts the first time only. Cron expressions with a star in the minutes or the hours
follow the clock instead, as Debian's cron has it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True)
class Once:
    mode: ClassVar[str] = "once"


@dataclass(frozen=True)
class Every:
    """An interval of real time: a day is 24 hours, whatever clocks do."""

    mode: ClassVar[str] = "every"
    seconds: int


@dataclass(frozen=True)
class Cron:
    """Five fields, read in the time zone `zone`. Raises ValueError when it is no expression, or never comes."""

    mode: ClassVar[str] = "cron"
    expression: str
    zone: str

    def __post_init__(self) -> None:
        if len(self.expression.split()) != 5:
            raise ValueError(f"{self.expression!r} has not five fields (minute hour day month weekday)")
        load_zone(self.zone)
        if next(_instants(self, datetime(2026, 1, 1, tzinfo=UTC)), None) is None:
            raise ValueError(f"{self.expression!r} never comes")


Schedule = Once | Every | Cron


def schedule_to_json(schedule: Schedule) -> dict[str, Any]:
    return {"mode": schedule.mode, **vars(schedule)}


def schedule_from_json(written: Mapping[str, Any]) -> Schedule:
    kinds: Mapping[str, type[Schedule]] = {kind.mode: kind for kind in (Once, Every, Cron)}
    return kinds[written["mode"]](**{key: value for key, value in written.items() if key != "mode"})


def next_instant(schedule: Schedule, last: datetime, now: datetime) -> datetime | None:
    """The first time after both `last` and `now`, with the phase that `last` gives; None when there is none."""
    match schedule:
        case Once():
            return None
        case Every(seconds):
            steps = max((now - last) // timedelta(seconds=seconds), 0) + 1
            return last + steps * timedelta(seconds=seconds)
        case Cron():
            return next(_instants(schedule, max(last, now)), None)


def next_instants(schedule: Schedule, first: datetime, count: int) -> tuple[datetime, ...]:
    """`first` and what follows it, at most `count` in all, in UTC."""
    return tuple(islice(_from(schedule, first), count))


def first_instant(wall: datetime, zone: str) -> datetime:
    """The instant, in UTC, at which clocks in `zone` show `wall` first; in a gap, the first instant after it."""
    there = load_zone(zone)
    before, after = (wall.replace(tzinfo=there, fold=fold).astimezone(UTC) for fold in (0, 1))
    return before if before <= after else _end_of_gap(there, after, before)


def load_zone(name: str) -> ZoneInfo:
    """The time zone of that name. Raises ValueError, which says so."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"time zone {name!r} is not known") from error


def _end_of_gap(there: ZoneInfo, earlier: datetime, later: datetime) -> datetime:
    """The change of clocks between two instants on its two sides, to the second."""
    offset = earlier.astimezone(there).utcoffset()
    while later - earlier > timedelta(seconds=1):
        middle = earlier + ((later - earlier) / 2 // timedelta(seconds=1)) * timedelta(seconds=1)
        if middle.astimezone(there).utcoffset() == offset:
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
    """All instants after that one, rising. Raises ValueError when the expression cannot be read."""
    from cronsim import CronSim, CronSimError

    # Begun from the first of two equal clock times, so that nothing is counted from the second.
    start = after.astimezone(load_zone(cron.zone)).replace(fold=0, microsecond=0)
    try:
        found = CronSim(cron.expression, start)
    except CronSimError as error:
        raise ValueError(f"{cron.expression!r}: {error}") from error
    for moment in found:
        at = moment.astimezone(UTC)
        if at > after:
            yield at
            after = at
