"""The pause: while one is on, no pass starts an agent."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.store import journal, metadata

_FACT = "pause"


@dataclass(frozen=True)
class Pause:
    """Who began it, when, and why, if they said so."""

    by: str
    since: str
    reason: str


def get(db: sqlite3.Connection) -> Pause | None:
    written = metadata.get(db, _FACT)
    return None if written is None else Pause(**json.loads(written))


def begin(db: sqlite3.Connection, reason: str, *, actor: str, now: datetime) -> Pause:
    """Begins one, with a row of the journal; one that is on already stays as it is."""
    known = get(db)
    if known is not None:
        return known
    pause = Pause(actor, to_iso(now), reason)
    metadata.put(db, _FACT, json.dumps(asdict(pause), ensure_ascii=False))
    journal.append(db, journal.Kind.QUEUE, "paused", actor=actor, now=now, detail={"reason": reason})
    return pause


def end(db: sqlite3.Connection, *, actor: str, now: datetime) -> Pause | None:
    """Ends the pause, with a row that wakes auto-assign; the one that was on, or None."""
    known = get(db)
    if known is not None:
        metadata.remove(db, _FACT)
        journal.append(db, journal.Kind.QUEUE, "resumed", actor=actor, now=now)
    return known
