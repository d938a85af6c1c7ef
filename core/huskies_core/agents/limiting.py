"""What the limit of an agent's account means: for the account, which is held, and for the story, which waits.

A run that met one is never judged by what it has committed: by its own account its work is half done, so the story
waits and the agent goes on where it was.
"""

from datetime import UTC, datetime
from typing import Any

from huskies_core.clock import to_iso
from huskies_core.runs.records import Progress
from huskies_core.runtimes.interface import RateLimit
from huskies_core.store import rate_limits, stories, timers
from huskies_core.store.connection import Connection
from huskies_core.store.rate_limits import Account, Limit
from huskies_core.store.runs import Outcome, Run

_HEARD = (Outcome.COMPLETED, Outcome.FAILED, Outcome.LIMIT)
_LATEST = datetime.max.replace(tzinfo=UTC).timestamp() - 86_400


def account_of(run: Run) -> Account | None:
    """The account that a run uses; gates and merges have none."""
    return None if run.runtime is None else Account(run.runtime, run.model or "")


def note_end(
    db: Connection, run: Run, outcome: Outcome, progress: Progress | None, now: datetime
) -> dict[str, Any]:
    """Holds the account of a run that ended at its limit and arms its story's timer, or lets go of one that answered.

    What is to be kept with the run: when it may be followed, and whether that time was told.
    """
    account = account_of(run)
    if account is None:
        return {}
    if outcome in _HEARD:
        rate_limits.forget(db, account)
    if outcome is not Outcome.RATE_LIMITED:
        return {}
    told = progress.rate_limit if progress is not None else None
    limit = meet(db, account, told, now)
    if stories.load(db, run.story).visit == run.visit:
        timers.await_limit(db, run.story, limit.until, actor=f"run:{run.id}", now=now)
    is_told = rate_limits.is_believable(reset_of(told), now)
    return {"rate_limit": {"until": to_iso(limit.until), "told": is_told}}


def meet(db: Connection, account: Account, told: RateLimit | None, now: datetime) -> Limit:
    """Holds an account. Stories that wait for it already wait for the later time, too."""
    detail = told.detail if told is not None else ""
    return rate_limits.meet(db, account, reset_of(told), detail, now=now)


def reset_of(told: RateLimit | None) -> datetime | None:
    """When a limit is over by what was told; None where that is nothing, or no time."""
    if told is None or told.resets_at is None or not 0 < told.resets_at < _LATEST:
        return None
    return datetime.fromtimestamp(told.resets_at, tz=UTC)
