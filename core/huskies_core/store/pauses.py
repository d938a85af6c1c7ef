"""The pause of the project: while it lasts, no pass starts an agent."""

import json
import sqlite3
from datetime import datetime

from msgspec import Struct, convert
from msgspec.structs import asdict

from huskies_core.clock import to_iso
from huskies_core.store import journal, metadata
from huskies_core.store.journal import JournalKind
from huskies_core.store.rows import reading_column, to_text

_KEY = "pause"


class Pause(Struct, frozen=True):
    """A pause: the actor and the time of its start, and the reason, which may be empty."""

    by: str
    since: str
    reason: str


def get(db: sqlite3.Connection) -> Pause | None:
    text = metadata.get(db, _KEY)
    if text is None:
        return None
    with reading_column(_KEY):
        return convert(json.loads(text), Pause)


def begin(db: sqlite3.Connection, reason: str, *, actor: str, now: datetime) -> Pause:
    """Begin a pause, with a journal row, and return it. If the project is paused already, return its pause."""
    present = get(db)
    if present is not None:
        return present
    pause = Pause(actor, to_iso(now), reason)
    metadata.put(db, _KEY, to_text(asdict(pause)))
    journal.append(db, JournalKind.QUEUE, "paused", actor=actor, now=now, detail={"reason": reason})
    return pause


def end(db: sqlite3.Connection, *, actor: str, now: datetime) -> Pause | None:
    """End the pause, with a journal row that makes auto-assign due. Return the pause; None if there was no pause."""
    present = get(db)
    if present is not None:
        metadata.remove(db, _KEY)
        journal.append(db, JournalKind.QUEUE, "resumed", actor=actor, now=now)
    return present
