"""What the end of a run amounts to when its agent's account was at a limit."""

import pytest

from huskies_core.runs.outcome import outcome_of
from huskies_core.runtimes.runtime import Failure, FailureKind, RateLimit
from huskies_core.store.runs import Outcome
from huskies_core.supervisor.records import Exit, LimitHit, Progress, StepEnd
from huskies_core.supervisor.spec import Role

AT = 1_000_000.0
HOUR = 3600.0
WALL = LimitHit("max_wall_secs", "max_wall_secs: ran for 14400 s")
ERROR = Failure(FailureKind.ERROR, "429")


def progress(*, is_hard: bool = True, wait: float | None = None, failure: Failure | None = None) -> Progress:
    until = None if wait is None else AT + wait
    limit = RateLimit(is_hard, until, "five hour limit")
    return Progress("ann", rate_limit=limit, waiting_until=until if is_hard else None, failure=failure)


def judged(found: Progress, *, code: int = 0, limit: LimitHit | None = None) -> tuple[Outcome, str]:
    step = StepEnd(
        *("ann", Role.AGENT, code, None),
        timed_out=False,
        detail="",
        started_at=AT,
        seconds=1,
        offset=0,
        length=0,
    )
    ended = Exit(
        *((step,), limit),
        stopped=False,
        progress=found,
        lost_output_bytes=0,
        survivors=(),
        started_at=AT,
        at=AT,
    )
    return outcome_of(ended, None)


@pytest.mark.parametrize(
    ("found", "code", "outcome"),
    [
        (progress(), 1, Outcome.RATE_LIMITED),
        (progress(failure=ERROR), 0, Outcome.RATE_LIMITED),
        (progress(), 0, Outcome.COMPLETED),
        (progress(is_hard=False), 1, Outcome.FAILED),
        (progress(is_hard=False), 0, Outcome.COMPLETED),
    ],
)
def test_a_run_that_fails_at_a_hard_limit_is_rate_limited(
    found: Progress, code: int, outcome: Outcome
) -> None:
    assert judged(found, code=code)[0] is outcome


def test_a_run_whose_time_is_over_while_it_waits_for_its_account_is_rate_limited() -> None:
    expected = "max_wall_secs: ran for 14400 s while it waited: five hour limit"
    assert judged(progress(wait=HOUR), limit=WALL) == (Outcome.RATE_LIMITED, expected)


@pytest.mark.parametrize(
    "found", [progress(wait=-HOUR), progress(), progress(wait=9 * 24 * HOUR), progress(is_hard=False)]
)
def test_a_run_that_waits_for_nothing_any_more_is_at_its_own_limit(found: Progress) -> None:
    assert judged(found, limit=WALL) == (Outcome.LIMIT, WALL.detail)
