"""Executions of actions of timers and triggers. A row is claimed before the action begins, so it runs at most once."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Struct, field

from huskies_core.clock import to_iso
from huskies_core.errors import Overtaken
from huskies_core.ids import ExecutionId, Seq, StoryId
from huskies_core.store import actions, journal
from huskies_core.store.actions import Action
from huskies_core.store.journal import JournalKind
from huskies_core.store.rows import json_column, reader, scalar, to_text
from huskies_core.store.tables import JobTable


class ExecutionStatus(StrEnum):
    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Execution(Struct, frozen=True):
    """An execution by `source`, such as `timer:3`.

    `seq` is its row in the journal, `cause` the row of the transition that the trigger matched. `depth` is its position
    in a chain of executions, each caused by the one before.
    """

    id: ExecutionId
    source: str
    cause: Seq | None
    depth: int
    seq: Seq
    action: Annotated[Action, json_column("action", actions.from_json, actions.to_json)]
    at: str
    status: ExecutionStatus

    @property
    def kind(self) -> JournalKind:
        return JournalKind(self.source.partition(":")[0])

    @property
    def number(self) -> int:
        """Return the id of the timer or trigger."""
        return int(self.source.partition(":")[2])


class ExecutionClaim(Struct, frozen=True):
    """An execution to claim. `facts` are added to the detail of its journal row."""

    source: str
    action: Action
    depth: int
    cause: Seq | None = None
    story: StoryId | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


_EXECUTIONS: JobTable[Execution, ExecutionId] = JobTable("firings", reader(Execution), "execution")
load, has_before, expire = _EXECUTIONS.find, _EXECUTIONS.has_before, _EXECUTIONS.expire


def claim(db: sqlite3.Connection, new: ExecutionClaim, *, now: datetime) -> Execution:
    """Insert an open execution and its journal row. Raise Overtaken if the source already has one for that cause."""
    if new.cause is not None and is_claimed(db, new.source, new.cause):
        raise Overtaken(f"{new.source} has already run for that transition", code="stale", subject=new.source)
    kind = JournalKind(new.source.partition(":")[0])
    cause = {"cause": new.cause, "depth": new.depth}
    detail = {**new.facts, "action": actions.to_json(new.action), **cause}
    seq = journal.append(db, kind, "fired", actor=new.source, now=now, story=new.story, detail=detail)
    row = {"source": new.source, **cause, "seq": seq, "action": to_text(actions.to_json(new.action))}
    return _EXECUTIONS.claim(db, row, now=now)


def end(
    db: sqlite3.Connection, execution: Execution, status: ExecutionStatus, detail: str, *, now: datetime
) -> None:
    """Record the end of an execution, with a journal row. Raise Overtaken if it has ended already."""
    _EXECUTIONS.end(db, execution.id, {"status": status}, subject=execution.source)
    row = {"firing": execution.seq, "detail": detail, "depth": execution.depth}
    journal.append(db, execution.kind, status.value, actor=execution.source, now=now, detail=row)


def still_open(db: sqlite3.Connection, kind: JournalKind) -> tuple[Execution, ...]:
    """Return the executions of timers, or of triggers, that have not ended. A process holds the lock of a live one."""
    return tuple(execution for execution in _EXECUTIONS.still_open(db) if execution.kind is kind)


def is_claimed(db: sqlite3.Connection, source: str, cause: Seq) -> bool:
    query = "SELECT 1 FROM firings WHERE source = ? AND cause = ?"
    return scalar(db, query, (source, cause)) is not None


def count_since(db: sqlite3.Connection, source: str, moment: datetime) -> int:
    query = "SELECT count(*) FROM firings WHERE source = ? AND at > ?"
    return int(scalar(db, query, (source, to_iso(moment))))
