"""Queries that several tables share: by id, of timers and triggers, and of jobs.

Each job runs at most once, in its own process. An open row claims the job, its end is written to the row once, and the
row is removed after the retention time. Executions and notifications are jobs.
"""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from msgspec import Struct

from huskies_core.clock import to_iso
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.ids import StoryId
from huskies_core.store import journal, rows
from huskies_core.store.journal import JournalKind
from huskies_core.store.rows import Values, scalar

T = TypeVar("T")
Id = TypeVar("Id", bound=int)


class Table(Struct, Generic[T, Id], frozen=True):
    """A table, and the function that converts its rows. Error messages use `noun` for a row, and end with `hint`."""

    name: str
    read: Callable[[sqlite3.Row], T]
    noun: str = ""
    hint: str = ""
    expirable: ClassVar[str] = "TRUE"

    def select(self, db: sqlite3.Connection, clauses: str, values: Values = ()) -> tuple[T, ...]:
        """Return the rows of `SELECT * FROM` the table with `clauses`."""
        return tuple(map(self.read, db.execute(f"SELECT * FROM {self.name} {clauses}", values)))

    def first(self, db: sqlite3.Connection, clauses: str, values: Values = ()) -> T | None:
        row = db.execute(f"SELECT * FROM {self.name} {clauses} LIMIT 1", values).fetchone()
        return None if row is None else self.read(row)

    def find(self, db: sqlite3.Connection, number: Id) -> T | None:
        return self.first(db, "WHERE id = ?", (number,))

    def insert(self, db: sqlite3.Connection, row: Mapping[str, Any]) -> T:
        """Insert a row and return its record."""
        return self.load(db, cast("Id", rows.insert(db, self.name, row)))

    def load(self, db: sqlite3.Connection, number: Id) -> T:
        """Return the record with that id. Raise HuskiesError `not_found` if there is none."""
        record = self.find(db, number)
        if record is None:
            fact = f"there is no {self.noun} {number}"
            raise HuskiesError(fact, hint=self.hint, code="not_found", subject=str(number))
        return record

    def has_before(self, db: sqlite3.Connection, moment: datetime) -> bool:
        """Return whether `expire` would remove a row."""
        query = f"SELECT 1 FROM {self.name} WHERE at < ? AND {self.expirable} LIMIT 1"
        return scalar(db, query, (to_iso(moment),)) is not None

    def expire(self, db: sqlite3.Connection, moment: datetime) -> int:
        """Remove the rows from before `moment` that may expire, and return their number."""
        query = f"DELETE FROM {self.name} WHERE at < ? AND {self.expirable}"
        return db.execute(query, (to_iso(moment),)).rowcount


class Source(Protocol):
    """A timer or a trigger. `facts` are written to the journal with each change of it."""

    @property
    def id(self) -> int: ...
    @property
    def story(self) -> StoryId | None: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...


S = TypeVar("S", bound=Source)


class SourceTable(Table[S, Id], frozen=True):
    """The table of timers or of triggers. Its rows are never deleted."""

    def everything(self, db: sqlite3.Connection) -> tuple[S, ...]:
        return self.select(db, "ORDER BY id")

    def with_problem(self, db: sqlite3.Connection) -> tuple[S, ...]:
        """Return the records with a problem in their last execution."""
        return self.select(db, "WHERE trouble <> '' AND state <> 'cancelled' ORDER BY id")

    def add(self, db: sqlite3.Connection, row: Mapping[str, Any], *, actor: str, now: datetime) -> S:
        """Insert an armed row, with a journal row, and return its record."""
        source = self.insert(db, {**row, "state": "armed", "created_at": to_iso(now)})
        self.note(db, source, "created", actor=actor, now=now)
        return source

    def cancel(self, db: sqlite3.Connection, source: S, *, actor: str, now: datetime) -> None:
        db.execute(f"UPDATE {self.name} SET state = 'cancelled' WHERE id = ?", (source.id,))
        self.note(db, source, "cancelled", actor=actor, now=now)

    def note(self, db: sqlite3.Connection, source: S, event: str, *, actor: str, now: datetime) -> None:
        """Write a journal row about a timer or a trigger."""
        kind, detail = JournalKind(self.noun), {self.noun: source.id, **source.facts}
        journal.append(db, kind, event, actor=actor, now=now, story=source.story, detail=detail)

    def note_problem(self, db: sqlite3.Connection, number: Id, problem: str, *, interrupted: bool) -> None:
        """Record the problem of the last execution; the next execution clears it.

        If the only execution of a timer or trigger that runs once was interrupted, set its state to `interrupted`.
        """
        update = f"UPDATE {self.name} SET trouble = ? WHERE id = ? AND state <> 'suspended'"
        db.execute(update, (problem, number))
        if interrupted:
            fired = f"UPDATE {self.name} SET state = 'interrupted' WHERE id = ? AND state = 'fired'"
            db.execute(fired, (number,))


class JobTable(Table[T, Id], frozen=True):
    """A table of jobs. Open ones do not expire."""

    expirable = "status <> 'open'"

    def claim(self, db: sqlite3.Connection, row: Mapping[str, Any], *, now: datetime) -> T:
        """Insert an open job. If its process dies before its end is recorded, the job counts as interrupted."""
        return self.insert(db, {**row, "at": to_iso(now), "status": "open"})

    def end(self, db: sqlite3.Connection, number: Id, row: Mapping[str, Any], *, subject: str) -> None:
        """Record the end of a job. Raise Overtaken with `subject` if the job has ended already."""
        changes = ", ".join(f"{name} = :{name}" for name in row)
        done = db.execute(
            f"UPDATE {self.name} SET {changes} WHERE id = :id AND status = 'open'", {**row, "id": number}
        )
        if not done.rowcount:
            raise Overtaken(f"{self.noun} {number} has ended", code="stale", subject=subject)

    def still_open(self, db: sqlite3.Connection) -> tuple[T, ...]:
        """Return the jobs that have not ended. A job's process is alive while the job's lock is held."""
        return self.select(db, "WHERE status = 'open' ORDER BY id")
