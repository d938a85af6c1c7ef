"""Limits, without processes."""

import math

import pytest

from huskies_core.supervisor.records import LimitHit, Limits, Progress, Role, Step
from huskies_core.supervisor.step_loop import Elapsed, find_hit, limits_of, seconds_left

ALL = Limits(
    max_turns=10, max_tool_turns=5, max_budget_usd=2.0, inactivity_timeout_secs=300, max_wall_secs=3600
)
EARLY = Elapsed(wall=1, step=1, quiet=1)


@pytest.mark.parametrize(
    ("progress", "elapsed", "limit"),
    [
        (Progress(turns=10, tool_turns=5, cost_usd=1.99), Elapsed(3599, 3599, 299), None),
        (Progress(turns=11), EARLY, "max_turns"),
        (Progress(tool_turns=6), EARLY, "max_tool_turns"),
        (Progress(cost_usd=2.0), EARLY, "max_budget_usd"),
        (Progress(), Elapsed(wall=400, step=400, quiet=300), "inactivity_timeout_secs"),
        (Progress(), Elapsed(wall=3600, step=10, quiet=1), "max_wall_secs"),
    ],
)
def test_counts_may_reach_their_limit_and_times_must_stay_below(
    progress: Progress, elapsed: Elapsed, limit: str | None
) -> None:
    hit = find_hit(ALL, progress, elapsed)
    assert (hit.limit if hit else None) == limit


def test_without_limits_nothing_is_hit() -> None:
    assert find_hit(Limits(), Progress(turns=10**6, cost_usd=1e6), Elapsed(1e9, 1e9, 1e9)) is None


def test_a_limit_of_zero_is_a_limit() -> None:
    hit = find_hit(Limits(max_turns=0), Progress(turns=1), EARLY)
    assert hit == LimitHit("max_turns", "max_turns: 1 of 0")


def test_only_the_limit_of_the_whole_run_applies_to_a_gate() -> None:
    assert limits_of(Step("test", Role.GATE, ("true",), "/"), ALL) == Limits(max_wall_secs=3600)
    assert limits_of(Step("coder", Role.AGENT, ("true",), "/"), ALL) == ALL


def test_the_wait_ends_at_the_nearest_time_limit() -> None:
    elapsed = Elapsed(wall=3500, step=10, quiet=5)
    assert seconds_left(ALL, None, elapsed) == 100
    assert seconds_left(ALL, 30, elapsed) == 20
    assert seconds_left(Limits(), None, elapsed) == math.inf


def test_a_wait_in_the_future_delays_the_inactivity_limit() -> None:
    waiting = Elapsed(wall=1000, step=1000, quiet=-50)
    assert (find_hit(ALL, Progress(), waiting), seconds_left(ALL, None, waiting)) == (None, 350)
