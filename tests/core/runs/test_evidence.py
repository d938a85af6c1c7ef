"""The outcome of a run with an account at its limit."""

import pytest

from huskies_core.runs.evidence import outcome_of
from huskies_core.runtimes.runtime import Failure, FailureKind, RateLimit
from huskies_core.store.runs import Outcome
from huskies_core.supervisor.records import Exit, LimitHit, Progress, Role, StepEnd

AT = 1_000_000.0
HOUR = 3600.0
WALL = LimitHit("max_wall_secs", "max_wall_secs: ran for 14400 s")
ERROR = Failure(FailureKind.ERROR, "429")


def progress(*, is_hard: bool = True, wait: float | None = None, failure: Failure | None = None) -> Progress:
    until = None if wait is None else AT + wait
    limit = RateLimit(is_hard, until, "five hour limit")
    return Progress("ann", rate_limit=limit, waiting_until=until if is_hard else None, failure=failure)


def outcome_with(reported: Progress, *, code: int = 0, limit: LimitHit | None = None) -> tuple[Outcome, str]:
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
        progress=reported,
        lost_output_bytes=0,
        survivors=(),
        started_at=AT,
        at=AT,
    )
    return outcome_of(ended, None)


@pytest.mark.parametrize(
    ("reported", "code", "outcome"),
    [
        (progress(), 1, Outcome.RATE_LIMITED),
        (progress(failure=ERROR), 0, Outcome.RATE_LIMITED),
        (progress(), 0, Outcome.COMPLETED),
        (progress(is_hard=False), 1, Outcome.FAILED),
        (progress(is_hard=False), 0, Outcome.COMPLETED),
    ],
)
def test_a_run_that_fails_at_a_hard_limit_is_rate_limited(
    reported: Progress, code: int, outcome: Outcome
) -> None:
    assert outcome_with(reported, code=code)[0] is outcome


def test_a_run_that_reaches_its_time_limit_during_a_wait_for_its_account_is_rate_limited() -> None:
    expected = "max_wall_secs: ran for 14400 s while it waited: five hour limit"
    assert outcome_with(progress(wait=HOUR), limit=WALL) == (Outcome.RATE_LIMITED, expected)


@pytest.mark.parametrize(
    "reported", [progress(wait=-HOUR), progress(), progress(wait=9 * 24 * HOUR), progress(is_hard=False)]
)
def test_a_run_that_no_longer_waits_is_at_its_own_limit(reported: Progress) -> None:
    assert outcome_with(reported, limit=WALL) == (Outcome.LIMIT, WALL.detail)
