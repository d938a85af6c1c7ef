"""The duration of rate limits, for one agent and for several, for the first attempt and for later ones."""

from datetime import datetime, timedelta

import pytest

from huskies_core.clock import to_iso
from huskies_core.ids import Seq
from huskies_core.store import journal, rate_limits
from huskies_core.store.connection import Store
from huskies_core.store.rate_limits import Account, Limit
from support.stories import NOW

CLAUDE = Account("claude-code", "opus")
CODEX = Account("codex", "")
MINUTE = timedelta(minutes=1)


def reach_limit(store: Store, account: Account, reset: timedelta | None, *, at: datetime = NOW) -> Limit:
    with store.exclusive() as db:
        return rate_limits.meet(
            db, account, None if reset is None else at + reset, "429", actor="test", now=at
        )


def test_a_limit_lasts_until_the_reset_time_and_the_later_of_two_wins(store: Store) -> None:
    waits = [reach_limit(store, CLAUDE, timedelta(hours=hours)).until - NOW for hours in (5, 2, 6)]
    assert waits == [timedelta(hours=hours) for hours in (5, 5, 6)]


def test_without_a_reset_time_a_limit_lasts_a_minute_doubled_up_to_an_hour(store: Store) -> None:
    at, waits = NOW, []
    for _ in range(9):
        limit = reach_limit(store, CLAUDE, None, at=at)
        waits.append((limit.until - at) // MINUTE)
        at = limit.until
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_agents_that_reach_one_limit_at_once_count_as_one_attempt(store: Store) -> None:
    ends = {reach_limit(store, CLAUDE, None, at=NOW + timedelta(seconds=n)).until for n in range(5)}
    assert max(ends) <= NOW + MINUTE + timedelta(seconds=4)


def test_a_response_shortens_the_next_wait_of_its_account_only(
    store: Store,
) -> None:
    reach_limit(store, CLAUDE, None)
    reach_limit(store, CODEX, None)
    reach_limit(store, CLAUDE, None, at=NOW + MINUTE)
    with store.exclusive() as db:
        rate_limits.forget(db, CLAUDE, started=NOW + MINUTE, now=NOW + MINUTE)
        remaining = [limit.account for limit in rate_limits.everything(db)]
    assert (remaining, reach_limit(store, CLAUDE, None).until) == ([CODEX], NOW + MINUTE)


@pytest.mark.parametrize("reset", [timedelta(days=9), timedelta(0), timedelta(days=-1)])
def test_an_implausible_reset_time_is_ignored(store: Store, reset: timedelta) -> None:
    assert reach_limit(store, CLAUDE, reset).until == NOW + MINUTE


def test_an_ended_limit_is_not_in_force(store: Store) -> None:
    reach_limit(store, CLAUDE, MINUTE)
    with store.reading() as db:
        ends = [len(rate_limits.in_force(db, NOW + wait)) for wait in (MINUTE - timedelta(seconds=1), MINUTE)]
    assert ends == [1, 0]


def test_a_limit_has_one_journal_row_and_further_attempts_none(store: Store) -> None:
    at = NOW
    for _ in range(4):
        at = reach_limit(store, CLAUDE, None, at=at).until
    reach_limit(store, CLAUDE, timedelta(hours=1), at=at)
    reach_limit(store, CLAUDE, timedelta(hours=2), at=at)
    with store.reading() as db:
        rows = [(row.event, row.detail["until"]) for row in journal.entries_after(db, Seq(0))]
    reset = [to_iso(NOW + MINUTE), to_iso(at + timedelta(hours=1))]
    assert rows == [("account_limited", until) for until in reset]
