"""Rate limits of accounts. Until a limit ends, no agent with its runtime and model is started."""

import sqlite3
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Struct

from huskies_core.clock import to_iso
from huskies_core.runtimes.runtime import LONGEST_LIMIT_SECS
from huskies_core.store import journal
from huskies_core.store.journal import JournalKind
from huskies_core.store.rows import Embedded, reader, to_row
from huskies_core.store.tables import Table

FIRST_WAIT = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=1)
BELIEVED = timedelta(seconds=LONGEST_LIMIT_SECS)
"""A reset time that is further in the future is ignored."""


class Account(Struct, frozen=True):
    """A runtime and a model. `model` is empty if the agent's configuration names none."""

    runtime: str
    model: str

    def __str__(self) -> str:
        return f"{self.runtime} {self.model}".strip()


class Limit(Struct, frozen=True):
    """A rate limit. `attempts` is the number of waits in a row without a reset time from the provider. `since` is the
    time of the last refusal."""

    account: Annotated[Account, Embedded]
    until: datetime
    attempts: int
    detail: str
    since: datetime


_LIMITS: Table[Limit, int] = Table("rate_limits", reader(Limit))


def everything(db: sqlite3.Connection) -> tuple[Limit, ...]:
    """Return all limits. An ended limit keeps its number of attempts until the provider answers an agent."""
    return _LIMITS.select(db, "ORDER BY runtime, model")


def in_force(db: sqlite3.Connection, now: datetime) -> tuple[Limit, ...]:
    return tuple(limit for limit in everything(db) if limit.until > now)


def is_believable(resets_at: datetime | None, now: datetime) -> bool:
    return resets_at is not None and now < resets_at <= now + BELIEVED


def meet(
    db: sqlite3.Connection,
    account: Account,
    resets_at: datetime | None,
    detail: str,
    *,
    actor: str,
    now: datetime,
) -> Limit:
    """Record that an account is at its limit and return the limit.

    The limit lasts until `resets_at`. Without a believable reset time it lasts 60 s, doubled with each attempt up to an
    hour. The later of two times wins, so agents that reach one limit at the same time count as one attempt. A limit
    writes one journal row; further attempts write none.
    """
    previous = next((limit for limit in everything(db) if limit.account == account), None)
    has_ended = previous is None or previous.until <= now
    attempts = 0 if previous is None else previous.attempts
    is_new = previous is None or (has_ended and is_believable(resets_at, now))
    if resets_at is None or not is_believable(resets_at, now):
        attempts += has_ended
        resets_at = now + min(FIRST_WAIT * 2 ** min(max(attempts - 1, 0), 10), LONGEST_WAIT)
    until = resets_at if previous is None else max(resets_at, previous.until)
    limit = Limit(account, until, attempts, detail, since=now)
    db.execute(
        "INSERT OR REPLACE INTO rate_limits VALUES (:runtime, :model, :until, :attempts, :detail, :since)",
        to_row(limit),
    )
    if is_new:
        row = {"account": str(account), "until": to_iso(until), "detail": detail}
        journal.append(db, JournalKind.QUEUE, "account_limited", actor=actor, now=now, detail=row)
    return limit


def forget(db: sqlite3.Connection, account: Account, *, started: datetime, now: datetime) -> None:
    """Remove the limit of an account that answered a run, so that the next wait is short again.

    Keep a limit in force that was recorded after `started`, the start of that run.
    """
    db.execute(
        "DELETE FROM rate_limits WHERE runtime = ? AND model = ? AND (since <= ? OR until <= ?)",
        (account.runtime, account.model, to_iso(started), to_iso(now)),
    )
