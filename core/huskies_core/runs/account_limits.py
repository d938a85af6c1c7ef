"""What the limit of an agent's account means: for the account, which is held, and for the story, which waits.

A run that met one is never judged by what it has committed: by its own account its work is half done, so the story
waits and the agent goes on where it was.
"""

from datetime import UTC, datetime
from typing import Any

from huskies_core.clock import from_iso, to_iso
from huskies_core.runtimes.interface import RateLimit
from huskies_core.store import rate_limits, stories, timers
from huskies_core.store.connection import Connection
from huskies_core.store.rate_limits import Account, Limit
from huskies_core.store.runs import Outcome, Run, RunKind
from huskies_core.supervisor.records import Progress

_LATEST = datetime.max.replace(tzinfo=UTC).timestamp() - 86_400


def account_of(run: Run) -> Account | None:
    """The account that a run uses; gates and merges have none."""
    return None if run.runtime is None else Account(run.runtime, run.model or "")


def note_end(
    db: Connection, run: Run, outcome: Outcome, progress: Progress | None, now: datetime
) -> dict[str, Any]:
    """Holds the account of a run that ended at its limit and arms its story's timer, or lets go of one that answered.

    What is to be kept with the run: when it may be followed, and whether that time was told. A run that was ended
    while it waited for a told time holds its account, too, whoever ended it.
    """
    account, told = account_of(run), None if progress is None else progress.rate_limit
    if account is None:
        return {}
    if outcome is Outcome.RATE_LIMITED:
        return _wait(db, run, account, told, now)
    if _is_answered(outcome, progress):
        rate_limits.forget(db, account, started=from_iso(run.started_at), now=now)
    elif holds_account(told, now):
        meet(db, account, told, actor=f"run:{run.id}", now=now)
    return {}


def meet(db: Connection, account: Account, told: RateLimit | None, *, actor: str, now: datetime) -> Limit:
    """Holds an account. The stories that wait for it wait for the later time, too."""
    detail = told.detail if told is not None else ""
    limit = rate_limits.meet(db, account, reset_of(told), detail, actor=actor, now=now)
    timers.postpone_limits(db, account.runtime, account.model, limit.until)
    return limit


def holds_account(told: RateLimit | None, now: datetime) -> bool:
    """Whether nobody of the account need try before the time that was told."""
    return told is not None and told.is_hard and rate_limits.is_believable(reset_of(told), now)


def reset_of(told: RateLimit | None) -> datetime | None:
    """When a limit is over by what was told; None where that is nothing, or no time."""
    if told is None or told.resets_at is None or not 0 < told.resets_at < _LATEST:
        return None
    return datetime.fromtimestamp(told.resets_at, tz=UTC)


def _wait(
    db: Connection, run: Run, account: Account, told: RateLimit | None, now: datetime
) -> dict[str, Any]:
    """Nothing begins a run of kind other by itself: its story waits for nothing."""
    limit = meet(db, account, told, actor=f"run:{run.id}", now=now)
    if run.kind is not RunKind.OTHER and stories.load(db, run.story).visit == run.visit:
        timers.await_limit(db, run.story, limit.until, actor=f"run:{run.id}", now=now)
    is_told = rate_limits.is_believable(reset_of(told), now)
    return {"rate_limit": {"until": to_iso(limit.until), "told": is_told}}


def _is_answered(outcome: Outcome, progress: Progress | None) -> bool:
    """Whether the model was heard. What failed without a turn, in its setup say, has asked nobody."""
    if outcome is Outcome.COMPLETED:
        return True
    ended, turns = outcome in (Outcome.FAILED, Outcome.LIMIT), 0 if progress is None else progress.turns
    return ended and turns > 0 and not _is_limited(progress)


def _is_limited(progress: Progress | None) -> bool:
    limit = None if progress is None else progress.rate_limit
    return limit is not None and limit.is_hard
