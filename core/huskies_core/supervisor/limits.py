"""Limits of a run: which one is exceeded, and when the next time limit can be."""

import math
from dataclasses import dataclass

from huskies_core.supervisor.records import LimitHit, Progress
from huskies_core.supervisor.spec import Limits, Role, Step


@dataclass(frozen=True)
class Elapsed:
    """Seconds since the run began, since the step began, and since the step last printed or stopped waiting."""

    wall: float
    step: float
    quiet: float


def limits_of(step: Step, limits: Limits) -> Limits:
    """Return the limits that apply to the step: all for an agent, the time of the whole run for others."""
    return limits if step.role is Role.AGENT else Limits(max_wall_secs=limits.max_wall_secs)


def find_hit(limits: Limits, progress: Progress, elapsed: Elapsed) -> LimitHit | None:
    """Return the first exceeded limit. Counts may reach their limit; times and costs must stay below it."""
    counts = (
        ("max_turns", progress.turns, limits.max_turns),
        ("max_tool_turns", progress.tool_turns, limits.max_tool_turns),
    )
    for name, count, limit in counts:
        if limit is not None and count > limit:
            return LimitHit(name, f"{name}: {count} of {limit}")
    if limits.max_budget_usd is not None and progress.cost_usd >= limits.max_budget_usd:
        detail = f"max_budget_usd: {progress.cost_usd:.4f} of {limits.max_budget_usd:.4f}"
        return LimitHit("max_budget_usd", detail)
    if limits.inactivity_timeout_secs is not None and elapsed.quiet >= limits.inactivity_timeout_secs:
        detail = f"inactivity_timeout_secs: no output for {limits.inactivity_timeout_secs:g} s"
        return LimitHit("inactivity_timeout_secs", detail)
    if limits.max_wall_secs is not None and elapsed.wall >= limits.max_wall_secs:
        return LimitHit("max_wall_secs", f"max_wall_secs: ran for {limits.max_wall_secs:g} s")
    return None


def seconds_left(limits: Limits, timeout_secs: float | None, elapsed: Elapsed) -> float:
    """Return the seconds until the first time limit is reached if nothing happens, infinite without a limit."""
    pairs = (
        (limits.inactivity_timeout_secs, elapsed.quiet),
        (limits.max_wall_secs, elapsed.wall),
        (timeout_secs, elapsed.step),
    )
    return min((limit - passed for limit, passed in pairs if limit is not None), default=math.inf)
