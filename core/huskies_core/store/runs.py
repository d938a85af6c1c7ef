"""The records of runs. Unique indexes prevent two live runs of a story or of an agent."""

import json
import sqlite3
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Struct, field
from msgspec.structs import asdict

from huskies_core.clock import to_iso
from huskies_core.errors import Overtaken
from huskies_core.ids import RunId, Seq, StoryId, Visit
from huskies_core.store import journal, rows
from huskies_core.store.evidence import Evidence
from huskies_core.store.journal import JournalKind
from huskies_core.store.rows import Stored, json_column, reader, to_row
from huskies_core.store.tables import Table

_EVIDENCE = json_column("evidence", Evidence.from_json, Evidence.to_json)


class RunKind(StrEnum):
    CODER = "coder"
    QA = "qa"
    MERGEMASTER = "mergemaster"
    OTHER = "other"
    GATES = "gates"
    MERGE = "merge"


class RunStatus(StrEnum):
    STARTING = "starting"
    LIVE = "live"
    ENDING = "ending"
    ENDED = "ended"


class Outcome(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    CRASHED = "crashed"
    LIMIT = "limit"
    RATE_LIMITED = "rate_limited"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class Verdict(StrEnum):
    """The verdict that an agent reports during its run. It has no effect before the run has ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    RESOLVED = "resolved"


class RunClaim(Struct, frozen=True):
    """A run that is about to start. Runs of gates and merges have no `agent`, `runtime` and `model`."""

    story: StoryId
    kind: RunKind
    visit: Visit
    agent: str | None = None
    runtime: str | None = None
    model: str | None = None


class Landing(Struct, frozen=True):
    """A move of the base branch from `tip` to `commit`. No event moves the story before it is complete or undone."""

    tip: str
    commit: str


class Report(Struct, frozen=True):
    """The end of a run: outcome, evidence and usage. `usage_final` is true if the usage covers the whole output."""

    outcome: Outcome
    detail: str = ""
    evidence: Annotated[Evidence, _EVIDENCE] = field(default_factory=Evidence)
    turns: int = 0
    tool_turns: int = 0
    cost_usd: float = 0.0
    usage_final: bool = True


def _read_verdict(row: rows.Row) -> tuple[Verdict | None, str]:
    """Return the verdict and its notes, which share one column."""
    with rows.reading_column("verdict"):
        report = json.loads(row["verdict"] or "{}")
        return (Verdict(report["verdict"]), str(report["notes"])) if report else (None, "")


class Run(Struct, frozen=True):
    """A run. `seq` is the journal position of its start, `visit` the story's visit at its start."""

    id: RunId
    story: StoryId
    kind: RunKind
    agent: str | None
    runtime: str | None
    model: str | None
    visit: Visit
    seq: Seq
    status: RunStatus
    outcome: Outcome | None
    detail: str
    verdict: Annotated[Verdict | None, Stored(lambda row: _read_verdict(row)[0])]
    notes: Annotated[str, Stored(lambda row: _read_verdict(row)[1])]
    evidence: Annotated[Evidence, _EVIDENCE]
    landing: Landing | None
    started_at: str
    ended_at: str | None
    turns: int
    tool_turns: int
    cost_usd: float

    @property
    def is_live(self) -> bool:
        return self.status is not RunStatus.ENDED


_RUNS: Table[Run, RunId] = Table("runs", reader(Run), "run", "'huskies run list' shows the runs.")
find, load = _RUNS.find, _RUNS.load


def claim(db: sqlite3.Connection, new: RunClaim, *, actor: str, now: datetime) -> Run:
    """Insert a starting run. Raise Overtaken `already_running` if the story or the agent has a live run."""
    detail = {"kind": new.kind.value, "agent": new.agent}
    kind = JournalKind.RUN
    seq = journal.append(db, kind, "run_started", actor=actor, now=now, story=new.story, detail=detail)
    row = {**to_row(new), "seq": seq, "status": RunStatus.STARTING, "started_at": to_iso(now)}
    try:
        run = RunId(rows.insert(db, "runs", row))
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise
        raise _refused(db, new) from error
    db.execute("UPDATE journal SET detail = ? WHERE seq = ?", (json.dumps({"run": run, **detail}), seq))
    return load(db, run)


def mark_live(db: sqlite3.Connection, run: RunId) -> None:
    db.execute("UPDATE runs SET status = 'live' WHERE id = ? AND status = 'starting'", (run,))


def mark_ending(db: sqlite3.Connection, run: RunId) -> None:
    db.execute("UPDATE runs SET status = 'ending' WHERE id = ? AND status IN ('starting', 'live')", (run,))


def record_verdict(db: sqlite3.Connection, run: RunId, verdict: Verdict, notes: str) -> None:
    """Record the agent's verdict. A later verdict of the same run replaces it."""
    written = rows.to_text({"verdict": verdict.value, "notes": notes})
    db.execute("UPDATE runs SET verdict = ? WHERE id = ? AND status <> 'ended'", (written, run))


def begin_landing(db: sqlite3.Connection, run: RunId, landing: Landing) -> None:
    """Record the landing. Raise Overtaken `stale` if the run has ended or its story has left the visit."""
    done = db.execute(
        """UPDATE runs SET landing = ? WHERE id = ? AND status <> 'ended'
               AND visit = (SELECT visit FROM stories WHERE stories.id = runs.story)""",
        (rows.to_text(asdict(landing)), run),
    )
    if not done.rowcount:
        raise Overtaken(f"the story of run {run} has moved on", code="stale", subject=str(run))


def drop_landing(db: sqlite3.Connection, run: RunId) -> None:
    db.execute("UPDATE runs SET landing = NULL WHERE id = ?", (run,))


def end(db: sqlite3.Connection, run: RunId, report: Report, *, actor: str, now: datetime) -> bool:
    """Record the end of a run. Return False, and write nothing, if the end is recorded already."""
    live_run = load(db, run)
    if not live_run.is_live:
        return False
    rows.update(db, "runs", run, {**to_row(report), "status": RunStatus.ENDED, "ended_at": to_iso(now)})
    subject = {"run": run, "kind": live_run.kind.value, "agent": live_run.agent}
    detail = {**subject, "outcome": report.outcome.value, "detail": report.detail}
    kind, story = JournalKind.RUN, live_run.story
    journal.append(db, kind, "run_ended", actor=actor, now=now, story=story, detail=detail)
    return True


def live(db: sqlite3.Connection) -> tuple[Run, ...]:
    # With `+id` SQLite does not scan the whole table in the order of ids.
    return _RUNS.select(db, "WHERE status <> 'ended' ORDER BY +id")


def live_of_story(db: sqlite3.Connection, story: StoryId) -> Run | None:
    return _RUNS.first(db, "WHERE story = ? AND status <> 'ended'", (story,))


def of_story(db: sqlite3.Connection, story: StoryId) -> tuple[Run, ...]:
    """Return all runs of a story, oldest first."""
    return _RUNS.select(db, "WHERE story = ? ORDER BY id", (story,))


def recent(db: sqlite3.Connection, limit: int = 100) -> tuple[Run, ...]:
    """Return the newest runs, oldest first."""
    return _RUNS.select(db, "ORDER BY id DESC LIMIT ?", (limit,))[::-1]


def recorded(db: sqlite3.Connection, ids: Collection[RunId]) -> frozenset[RunId]:
    """Return the `ids` that belong to a recorded run."""
    query = "SELECT id FROM runs WHERE id IN (SELECT value FROM json_each(?))"
    return frozenset(row["id"] for row in db.execute(query, (json.dumps(sorted(ids)),)))


def of_open_usage(db: sqlite3.Connection) -> tuple[Run, ...]:
    """Return the ended runs without final usage."""
    return _RUNS.select(db, "WHERE status = 'ended' AND usage_final = 0 ORDER BY id")


def settle_usage(db: sqlite3.Connection, run: RunId, *, turns: int, tool_turns: int, cost_usd: float) -> None:
    """Write the final figures of an ended run."""
    db.execute(
        "UPDATE runs SET usage_final = 1, turns = ?, tool_turns = ?, cost_usd = ? WHERE id = ?",
        (turns, tool_turns, cost_usd, run),
    )


def ended_before(db: sqlite3.Connection, moment: datetime, *, least: RunId) -> frozenset[RunId]:
    """Return the runs with an id of at least `least` that ended before `moment`."""
    query = "SELECT id FROM runs WHERE id >= ? AND ended_at < ?"
    return frozenset(row["id"] for row in db.execute(query, (least, to_iso(moment))))


def _refused(db: sqlite3.Connection, new: RunClaim) -> Overtaken:
    live_run = live_of_story(db, new.story)
    if live_run is not None:
        fact = f"story {new.story} already has a live run: {live_run.kind.value} run {live_run.id}"
    elif new.kind is RunKind.MERGE:
        fact = "another merge is in progress"
    else:
        fact = f"agent {new.agent} is busy with another story"
    return Overtaken(fact, hint="'huskies run list --live' shows it.", code="already_running")
