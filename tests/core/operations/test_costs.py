"""Costs of runs: sums of usage records by each key."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.ids import Seq, StoryId
from huskies_core.operations.costs import By, costs_json, read_costs
from huskies_core.runtimes.runtime import Price
from huskies_core.store import runs, usage
from huskies_core.store.runs import Outcome, Report, RunClaim, RunKind
from huskies_core.store.usage import ModelUsage
from huskies_core.supervisor.progress import calculate_cost, find_price
from support.contexts import Clock, opened
from support.stories import NOW, add_story


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    """Two stories, the first with two runs: today's of two models, and the second's of yesterday."""
    with opened(tmp_path / "repo", clock) as context:
        for story, agent, used, ago in (
            (1, "ann", (ModelUsage("opus", 10, 20, 30, 40, 1.0), ModelUsage("haiku", 1, cost_usd=0.25)), 0),
            (1, "bob", (ModelUsage("opus", 5, cost_usd=0.5),), 0),
            (2, "ann", (ModelUsage("haiku", 7, cost_usd=4.0),), 30),
        ):
            if story > 1 or agent == "ann":
                add_story(context.store, f"Story {story}")
            spend(context, story, agent, *used, hours_ago=ago)
        yield context


def spend(context: Context, story: int, agent: str, *used: ModelUsage, hours_ago: int) -> None:
    at = NOW - timedelta(hours=hours_ago)
    with context.store.exclusive() as db:
        run = runs.claim(db, RunClaim(StoryId(story), RunKind.CODER, Seq(1), agent), actor="test", now=at)
        usage.put(db, run.id, *used, now=at)
        runs.end(db, run.id, Report(Outcome.COMPLETED), actor="test", now=at)


def keys(context: Context, by: By, since: str = "") -> list[tuple[object, int, float]]:
    return [
        (row["key"], row["runs"], row["cost_usd"])
        for row in costs_json(read_costs(context, by, since))["rows"]
    ]


def test_rows_are_sorted_by_cost_and_every_key_has_the_same_total(context: Context) -> None:
    assert keys(context, By.STORY) == [(2, 1, 4.0), (1, 2, 1.75)]
    assert keys(context, By.AGENT) == [("ann", 2, 5.25), ("bob", 1, 0.5)]
    assert keys(context, By.MODEL) == [("haiku", 2, 4.25), ("opus", 2, 1.5)]
    assert keys(context, By.DAY) == [("2026-02-28", 1, 4.0), ("2026-03-01", 2, 1.75)]
    totals = [costs_json(read_costs(context, by))["total"] for by in By]
    assert totals == [
        {
            "runs": 3,
            "input_tokens": 23,
            "output_tokens": 20,
            "cache_read_tokens": 30,
            "cache_write_tokens": 40,
            "cost_usd": 5.75,
        }
    ] * len(By)


def test_days_are_those_of_the_project_s_time_zone(context: Context) -> None:
    """12:00 and 06:00 UTC are 01:00 of the next day and 19:00 of the same day there."""
    context.project.project_toml.write_text('timezone = "Pacific/Auckland"\n')
    assert keys(context, By.DAY) == [("2026-02-28", 1, 4.0), ("2026-03-02", 2, 1.75)]
    assert keys(context, By.STORY, "2026-03-02") == [(1, 2, 1.75)]


@pytest.mark.parametrize("since", ["1d", "2026-03-01", "2026-03-01T06:00"])
def test_only_usage_since_the_time_is_counted(context: Context, since: str) -> None:
    assert keys(context, By.STORY, since) == [(1, 2, 1.75)]


def test_a_since_that_is_no_time_is_refused(context: Context) -> None:
    with pytest.raises(UsageError) as refused:
        read_costs(context, since="soon")
    assert refused.value.subject == "since"


AMOUNTS = st.integers(min_value=0, max_value=10**6)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS), max_size=6))
def test_usage_reported_in_parts_costs_the_sum_of_the_parts(parts: list[tuple[int, int, int, int]]) -> None:
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    price = Price(3, 15, 0.3, 3.75)
    whole = {name: sum(part[position] for part in parts) for position, name in enumerate(names)}
    each = [calculate_cost(dict(zip(names, part, strict=True)), price) or 0.0 for part in parts]
    assert calculate_cost(whole, price) == pytest.approx(sum(each))


def test_a_price_is_that_of_the_longest_name_that_fits() -> None:
    prices = {"claude": Price(1), "claude-opus": Price(2), "claude-opus-4-1": Price(3)}
    costs_of_models = [
        find_price(model, prices)
        for model in ("claude-opus-4-1-20250805", "claude-opus-5", "claude", "gpt", "")
    ]
    assert costs_of_models == [Price(3), Price(2), Price(1), None, None]


def test_a_reported_cost_has_priority_over_the_price() -> None:
    assert calculate_cost({"input_tokens": 10**6, "cost_usd": 0.5}, Price(3)) == 0.5
