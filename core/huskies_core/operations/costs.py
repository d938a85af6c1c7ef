"""What the work has cost: the sum of all records, by story, agent, model or day."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from huskies_core.config.problems import ConfigError
from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.operations.time_parsing import moment, span
from huskies_core.store import stories, usage
from huskies_core.store.usage import Usage, Used

_FIGURES = tuple(item.name for item in fields(Usage) if item.name != "model")


class By(StrEnum):
    STORY = "story"
    AGENT = "agent"
    MODEL = "model"
    DAY = "day"


@dataclass(frozen=True)
class Cost:
    """What belongs to one key: a story's id, an agent, a model, or a day as 2026-12-01. `runs` is how many used any.

    `name` is the title of a story.
    """

    key: int | str | None
    runs: int
    usage: Usage
    name: str = ""


@dataclass(frozen=True)
class Costs:
    rows: tuple[Cost, ...]
    total: Cost


def read_costs(context: Context, by: By = By.STORY, since: str = "") -> Costs:
    """The dearest first, days in their order. `since` is a date, a time or a span back from now.

    What a run used belongs to the day on which it first told of it, in the project's time zone. Raises UsageError for
    a `since` that is none.
    """
    zone = _zone(context)
    begin = _begin(since, zone, context.now()) if since else None
    with context.store.reading() as db:
        found = tuple(usage.entries(db, begin))
        rows = [_cost(key, used) for key, used in _grouped(found, _key_of(by, zone)).items()]
        if by is By.STORY:
            rows = [_named(row, stories.load(db, int(row.key or 0)).draft.title) for row in rows]
    ordered = sorted(
        rows, key=lambda row: str(row.key) if by is By.DAY else (-row.usage.cost_usd, str(row.key))
    )
    return Costs(tuple(ordered), _cost(None, found))


def cost_document(costs: Costs) -> dict[str, Any]:
    """`{"rows": [{key, runs, input_tokens, …, cost_usd}], "total": {…}}`."""
    total = _document(costs.total)
    return {
        "rows": [_document(row) for row in costs.rows],
        "total": {k: v for k, v in total.items() if k != "key"},
    }


def _document(cost: Cost) -> dict[str, Any]:
    return {"key": cost.key, "runs": cost.runs, **{name: getattr(cost.usage, name) for name in _FIGURES}}


def _grouped(
    found: Iterable[Used], key_of: Callable[[Used], int | str | None]
) -> Mapping[int | str | None, list[Used]]:
    groups: dict[int | str | None, list[Used]] = {}
    for used in found:
        groups.setdefault(key_of(used), []).append(used)
    return groups


def _key_of(by: By, zone: str) -> Callable[[Used], int | str | None]:
    there = ZoneInfo(zone)
    keys: Mapping[By, Callable[[Used], int | str | None]] = {
        By.STORY: lambda used: used.story,
        By.AGENT: lambda used: used.agent,
        By.MODEL: lambda used: used.usage.model or None,
        By.DAY: lambda used: used.at.astimezone(there).date().isoformat(),
    }
    return keys[by]


def _cost(key: int | str | None, found: Iterable[Used]) -> Cost:
    every = tuple(found)
    sums = {name: sum(getattr(used.usage, name) for used in every) for name in _FIGURES}
    return Cost(key, len({used.run for used in every}), Usage("", **sums))


def _named(cost: Cost, title: str) -> Cost:
    return Cost(cost.key, cost.runs, cost.usage, title)


def _begin(text: str, zone: str, now: datetime) -> datetime:
    """A span is so long ago; a date begins with its first instant."""
    try:
        return now - timedelta(seconds=span(text, subject="since"))
    except UsageError:
        pass
    try:
        return moment(text, zone, now, subject="since").astimezone(UTC)
    except UsageError as error:
        hint = "Such as: 7d, 2026-12-01, 2026-12-01T09:00."
        raise UsageError(f"{text!r} is neither a date nor a span", hint=hint, subject="since") from error


def _zone(context: Context) -> str:
    """The project's; UTC where the config does not load."""
    try:
        return context.config.project.timezone
    except ConfigError:
        return "UTC"
