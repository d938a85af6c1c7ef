"""The costs of all runs, by story, agent, model or day."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import fields

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.operations.operation import STORIES, Command, operation
from huskies_core.operations.record_json import pick
from huskies_core.operations.time_parsing import moment, span
from huskies_core.store import stories, usage
from huskies_core.store.usage import ModelUsage, UsageEntry

_FIGURES = tuple(item.name for item in fields(ModelUsage) if item.name != "model")


class By(StrEnum):
    """The keys by which costs are grouped."""

    STORY = "story"
    AGENT = "agent"
    MODEL = "model"
    DAY = "day"


class Cost(Struct, frozen=True):
    """The usage of one key: a story's id, an agent, a model, or a day such as 2026-12-01. `runs` counts its runs.

    `name` is the title of a story.
    """

    key: int | str | None
    runs: int
    usage: ModelUsage
    name: str = ""


class Costs(Struct, frozen=True):
    rows: tuple[Cost, ...]
    total: Cost


def costs_json(costs: Costs) -> dict[str, Any]:
    """Return `{"rows": [{key, runs, input_tokens, …, cost_usd}], "total": {…}}`."""
    return {"rows": [{"key": row.key, **_figures(row)} for row in costs.rows], "total": _figures(costs.total)}


def _figures(cost: Cost) -> dict[str, Any]:
    return {"runs": cost.runs, **pick(cost.usage, *_FIGURES)}


@operation("costs", Command("cost", STORIES), json=costs_json)
def read_costs(
    context: Context,
    by: Annotated[By, Argument("The key of the rows.", metavar="story|agent|model|day")] = By.STORY,
    since: Annotated[
        str, Argument("Only usage since a date, a time or a span before now: 7d, 2026-12-01.", metavar="TIME")
    ] = "",
) -> Costs:
    """Show the tokens and US dollars that runs used.

    Live runs count with their usage so far. Rows are sorted by cost, highest first; days are sorted by date, in the
    time zone of the project. If an agent reports no cost, the cost is calculated from the table pricing in
    project.toml.
    """
    zone = context.timezone
    begin = _begin(since, zone, context.now()) if since else None
    groups: dict[int | str | None, list[UsageEntry]] = {}
    with context.store.reading() as db:
        entries = tuple(usage.entries(db, begin))
        for used in entries:
            groups.setdefault(_key_of(used, by, zone), []).append(used)
        rows = [
            _cost(key, group, stories.load(db, group[0].story).draft.title if by is By.STORY else "")
            for key, group in groups.items()
        ]
    rows.sort(key=lambda row: (0 if by is By.DAY else -row.usage.cost_usd, str(row.key)))
    return Costs(tuple(rows), _cost(None, entries))


def _key_of(used: UsageEntry, by: By, zone: str) -> int | str | None:
    match by:
        case By.STORY:
            return used.story
        case By.AGENT:
            return used.agent
        case By.MODEL:
            return used.usage.model or None
        case By.DAY:
            return used.at.astimezone(ZoneInfo(zone)).date().isoformat()


def _cost(key: int | str | None, entries: Sequence[UsageEntry], name: str = "") -> Cost:
    sums = {figure: sum(getattr(used.usage, figure) for used in entries) for figure in _FIGURES}
    return Cost(key, len({used.run for used in entries}), ModelUsage("", **sums), name)


def _begin(text: str, zone: str, now: datetime) -> datetime:
    """Return the instant: a span counts back from now, and a date begins with its first instant."""
    with suppress(UsageError):
        return now - timedelta(seconds=span(text, subject="since"))
    try:
        return moment(text, zone, now, subject="since").astimezone(UTC)
    except UsageError as error:
        hint = "Such as: 7d, 2026-12-01, 2026-12-01T09:00."
        raise UsageError(f"{text!r} is neither a date nor a span", hint=hint, subject="since") from error
