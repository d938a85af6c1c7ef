"""The accounts of agents that are at their limit: nobody of that runtime and model is started before it is over."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from huskies_core.clock import from_iso, to_iso
from huskies_core.runtimes.interface import LONGEST_LIMIT_SECS
from huskies_core.store import journal

FIRST_WAIT = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=1)
BELIEVED = timedelta(seconds=LONGEST_LIMIT_SECS)
"""In place of a longer one there is a wait of our own."""


@dataclass(frozen=True)
class Account:
    """Whom a limit is about. `model` is empty where the agent names none."""

    runtime: str
    model: str

    def __str__(self) -> str:
        return f"{self.runtime} {self.model}".strip()


@dataclass(frozen=True)
class Limit:
    """`attempts` is how many waits in a row were of our own making; `since` is when the limit was met last."""

    account: Account
    until: datetime
    attempts: int
    detail: str
    since: datetime


def everything(db: sqlite3.Connection) -> tuple[Limit, ...]:
    """Those that are over, too: they count the attempts until an agent is heard again."""
    return tuple(map(_limit, db.execute("SELECT * FROM rate_limits ORDER BY runtime, model")))


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
    """Notes that an account is at its limit, until `resets_at` or, where nothing believable is told, for 60 s,
    doubling to an hour. Of two times the later one stands; several agents that meet one limit at once wait once.

    One journal row tells of each limit: not of the waits of our own that follow the first one.
    """
    known = next((limit for limit in everything(db) if limit.account == account), None)
    attempts = 0 if known is None else known.attempts
    is_news = known is None or (known.until <= now and is_believable(resets_at, now))
    if resets_at is None or not is_believable(resets_at, now):
        attempts += known is None or known.until <= now
        resets_at = now + min(FIRST_WAIT * 2 ** min(max(attempts - 1, 0), 10), LONGEST_WAIT)
    until = resets_at if known is None else max(resets_at, known.until)
    limit = Limit(account, until, attempts, detail, since=now)
    db.execute(
        "INSERT OR REPLACE INTO rate_limits VALUES (?, ?, ?, ?, ?, ?)",
        (account.runtime, account.model, to_iso(until), attempts, detail, to_iso(now)),
    )
    if is_news:
        told = {"account": str(account), "until": to_iso(until), "detail": detail}
        journal.append(db, journal.Kind.QUEUE, "account_limited", actor=actor, now=now, detail=told)
    return limit


def forget(db: sqlite3.Connection, account: Account, *, started: datetime, now: datetime) -> None:
    """The account has answered a run of `started`: the next wait of our own is a short one again.

    What is still held was met after an older run was answered: it stands.
    """
    db.execute(
        "DELETE FROM rate_limits WHERE runtime = ? AND model = ? AND (since <= ? OR until <= ?)",
        (account.runtime, account.model, to_iso(started), to_iso(now)),
    )


def _limit(row: sqlite3.Row) -> Limit:
    account = Account(row["runtime"], row["model"])
    return Limit(account, from_iso(row["until"]), row["attempts"], row["detail"], from_iso(row["since"]))
