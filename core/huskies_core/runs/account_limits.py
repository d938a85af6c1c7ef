"""Rate limits of agents' accounts. An account is blocked until its limit is reset, and its stories wait.

The gates do not judge the commits of a rate-limited run: its agent was interrupted and continues later.
"""

from datetime import UTC, datetime

from huskies_core.clock import from_iso
from huskies_core.runtimes.runtime import RateLimit
from huskies_core.store import rate_limits, stories, timers
from huskies_core.store.connection import Connection
from huskies_core.store.evidence import LimitReset
from huskies_core.store.rate_limits import Account, Limit
from huskies_core.store.runs import Outcome, Run, RunKind
from huskies_core.supervisor.records import Progress

_LATEST = datetime.max.replace(tzinfo=UTC).timestamp() - 86_400


def account_of(run: Run) -> Account | None:
    """Return the account that a run uses, or None for gates and merges."""
    return None if run.runtime is None else Account(run.runtime, run.model or "")


def note_end(
    db: Connection, run: Run, outcome: Outcome, progress: Progress, now: datetime
) -> LimitReset | None:
    """Block or unblock the account of an ended run. Return the reset time if the run was rate-limited.

    A rate-limited run blocks its account and sets a timer for its story, unless it is of kind other, which is never
    repeated. A run in which the model responded unblocks the account. A run that was stopped during a wait for a named
    reset time blocks the account, too.
    """
    account, reported, actor = account_of(run), progress.rate_limit, f"run:{run.id}"
    if account is None:
        return None
    if outcome is Outcome.RATE_LIMITED:
        limit = block_account(db, account, reported, actor=actor, now=now)
        if run.kind is not RunKind.OTHER and stories.load(db, run.story).visit == run.visit:
            timers.await_limit(db, run.story, limit.until, actor=actor, now=now)
        return LimitReset(limit.until, rate_limits.is_believable(reset_of(reported), now))
    if _has_responded(outcome, progress):
        rate_limits.forget(db, account, started=from_iso(run.started_at), now=now)
    elif blocks_account(reported, now):
        block_account(db, account, reported, actor=actor, now=now)
    return None


def block_account(
    db: Connection, account: Account, reported: RateLimit | None, *, actor: str, now: datetime
) -> Limit:
    """Block an account until its limit is reset, and postpone the timers of the stories that wait for the account."""
    detail = reported.detail if reported else ""
    limit = rate_limits.meet(db, account, reset_of(reported), detail, actor=actor, now=now)
    timers.postpone_limits(db, account.runtime, account.model, limit.until)
    return limit


def blocks_account(reported: RateLimit | None, now: datetime) -> bool:
    """Return whether all runs of the account must wait: the limit is hard and has a plausible reset time."""
    return reported is not None and reported.is_hard and rate_limits.is_believable(reset_of(reported), now)


def reset_of(reported: RateLimit | None) -> datetime | None:
    """Return the reset time that the provider named; None if it named no time or an impossible one."""
    if reported is None or reported.resets_at is None or not 0 < reported.resets_at < _LATEST:
        return None
    return datetime.fromtimestamp(reported.resets_at, tz=UTC)


def _has_responded(outcome: Outcome, progress: Progress) -> bool:
    """Return whether the model responded. A failure before the first turn, as in the setup, is not a response."""
    is_limited = progress.rate_limit is not None and progress.rate_limit.is_hard
    has_answer = progress.turns > 0 and not is_limited
    return outcome is Outcome.COMPLETED or (outcome in (Outcome.FAILED, Outcome.LIMIT) and has_answer)
