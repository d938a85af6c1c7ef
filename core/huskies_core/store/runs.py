"""Runs as they are recorded. Unique indexes keep a story or an agent from having two live ones."""

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from huskies_core.clock import to_iso
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.ids import RunId, Seq, StoryId, Visit
from huskies_core.store import journal


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
    """What an agent reported from inside its run; it is judged when the run has ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class Claim:
    """A run that is about to start. `agent`, `runtime` and `model` are null for gates and merges."""

    story: StoryId
    kind: RunKind
    visit: Visit
    agent: str | None = None
    runtime: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Landing:
    """The base is being moved from `tip` to `commit`; until it is settled no other event moves the story."""

    tip: str
    commit: str


@dataclass(frozen=True)
class Report:
    """How a run ended, and what it left behind: `evidence` is what git says of the worktree at the end. `usage_final`
    is whether its figures are from the whole of its output."""

    outcome: Outcome
    detail: str = ""
    evidence: Mapping[str, Any] | None = None
    turns: int = 0
    tool_turns: int = 0
    cost_usd: float = 0.0
    usage_final: bool = True


@dataclass(frozen=True)
class Run:
    """A recorded run. `seq` is the journal position of its start, `visit` the visit it was started in."""

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
    verdict: Verdict | None
    notes: str
    evidence: Mapping[str, Any] = field(hash=False)
    landing: Landing | None
    started_at: str
    ended_at: str | None
    turns: int
    tool_turns: int
    cost_usd: float

    @property
    def is_live(self) -> bool:
        return self.status is not RunStatus.ENDED


def claim(db: sqlite3.Connection, wanted: Claim, *, actor: str, now: datetime) -> Run:
    """Records a starting run. Raises HuskiesError `already_running` where only one may be live."""
    about = {"kind": wanted.kind.value, "agent": wanted.agent}
    seq = journal.append(
        db, journal.Kind.RUN, "run_started", actor=actor, now=now, story=wanted.story, detail=about
    )
    row = (wanted.story, wanted.kind.value, wanted.agent, wanted.runtime, wanted.model, wanted.visit, seq)
    try:
        done = db.execute(
            """INSERT INTO runs (story, kind, agent, runtime, model, visit, seq, status, started_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, 'starting', ?)""",
            (*row, to_iso(now)),
        )
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            raise
        raise _refused(db, wanted) from error
    assert done.lastrowid is not None
    db.execute(
        "UPDATE journal SET detail = ? WHERE seq = ?", (json.dumps({"run": done.lastrowid, **about}), seq)
    )
    return load(db, done.lastrowid)


def mark_live(db: sqlite3.Connection, run: int) -> None:
    db.execute("UPDATE runs SET status = 'live' WHERE id = ? AND status = 'starting'", (run,))


def mark_ending(db: sqlite3.Connection, run: int) -> None:
    db.execute("UPDATE runs SET status = 'ending' WHERE id = ? AND status IN ('starting', 'live')", (run,))


def record_verdict(db: sqlite3.Connection, run: int, verdict: Verdict, notes: str) -> None:
    """Keeps what the agent reported; a later verdict of the same run replaces it."""
    written = json.dumps({"verdict": verdict.value, "notes": notes}, ensure_ascii=False)
    db.execute("UPDATE runs SET verdict = ? WHERE id = ? AND status <> 'ended'", (written, run))


def begin_landing(db: sqlite3.Connection, run: int, landing: Landing) -> None:
    """Raises Overtaken `stale` when the run has ended or its story has left the visit."""
    done = db.execute(
        """UPDATE runs SET landing = ? WHERE id = ? AND status <> 'ended'
               AND visit = (SELECT visit FROM stories WHERE stories.id = runs.story)""",
        (json.dumps({"tip": landing.tip, "commit": landing.commit}), run),
    )
    if not done.rowcount:
        raise Overtaken(f"the story of run {run} has moved on", code="stale", subject=str(run))


def drop_landing(db: sqlite3.Connection, run: int) -> None:
    db.execute("UPDATE runs SET landing = NULL WHERE id = ?", (run,))


def end(db: sqlite3.Connection, run: int, report: Report, *, actor: str, now: datetime) -> bool:
    """Records a run's end once: False, and nothing written, when it is recorded already."""
    ended = load(db, run)
    if not ended.is_live:
        return False
    evidence = None if report.evidence is None else json.dumps(report.evidence, ensure_ascii=False)
    counts = (report.turns, report.tool_turns, report.cost_usd)
    db.execute(
        """UPDATE runs SET status = 'ended', outcome = ?, detail = ?, evidence = ?, ended_at = ?,
               turns = ?, tool_turns = ?, cost_usd = ?, usage_final = ? WHERE id = ?""",
        (report.outcome.value, report.detail, evidence, to_iso(now), *counts, report.usage_final, run),
    )
    about = {"run": run, "kind": ended.kind.value, "agent": ended.agent, "outcome": report.outcome.value}
    detail = {**about, "detail": report.detail}
    journal.append(db, journal.Kind.RUN, "run_ended", actor=actor, now=now, story=ended.story, detail=detail)
    return True


def find(db: sqlite3.Connection, run: int) -> Run | None:
    row = db.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
    return None if row is None else _run(row)


def load(db: sqlite3.Connection, run: int) -> Run:
    """The run of that id. Raises HuskiesError `not_found`."""
    found = find(db, run)
    if found is None:
        hint = "'huskies run list' shows the runs."
        raise HuskiesError(f"there is no run {run}", hint=hint, code="not_found", subject=str(run))
    return found


def live(db: sqlite3.Connection) -> tuple[Run, ...]:
    # `+id` keeps SQLite from reading all runs ever made in the order of their ids.
    return tuple(map(_run, db.execute("SELECT * FROM runs WHERE status <> 'ended' ORDER BY +id")))


def live_of_story(db: sqlite3.Connection, story: int) -> Run | None:
    row = db.execute("SELECT * FROM runs WHERE story = ? AND status <> 'ended'", (story,)).fetchone()
    return None if row is None else _run(row)


def of_story(db: sqlite3.Connection, story: int) -> tuple[Run, ...]:
    """All runs of a story, oldest first."""
    return tuple(map(_run, db.execute("SELECT * FROM runs WHERE story = ? ORDER BY id", (story,))))


def recent(db: sqlite3.Connection, limit: int = 100) -> tuple[Run, ...]:
    """The newest runs, oldest of them first."""
    rows = db.execute("SELECT * FROM runs ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return tuple(map(_run, reversed(rows)))


def recorded(db: sqlite3.Connection, ids: Collection[int]) -> frozenset[int]:
    """Those of the ids that are a run's."""
    wanted = json.dumps(sorted(ids))
    rows = db.execute("SELECT id FROM runs WHERE id IN (SELECT value FROM json_each(?))", (wanted,))
    return frozenset(row["id"] for row in rows)


def of_open_usage(db: sqlite3.Connection) -> tuple[Run, ...]:
    """The ended runs whose usage is not from the whole of their output yet."""
    rows = db.execute("SELECT * FROM runs WHERE status = 'ended' AND usage_final = 0 ORDER BY id")
    return tuple(map(_run, rows))


def settle_usage(db: sqlite3.Connection, run: int, *, turns: int, tool_turns: int, cost_usd: float) -> None:
    """Writes the final figures of a run that had ended with less."""
    db.execute(
        "UPDATE runs SET usage_final = 1, turns = ?, tool_turns = ?, cost_usd = ? WHERE id = ?",
        (turns, tool_turns, cost_usd, run),
    )


def ended_before(db: sqlite3.Connection, moment: datetime, *, least: int) -> frozenset[int]:
    """The runs numbered `least` and up that ended before `moment`."""
    rows = db.execute("SELECT id FROM runs WHERE id >= ? AND ended_at < ?", (least, to_iso(moment)))
    return frozenset(row["id"] for row in rows)


def _refused(db: sqlite3.Connection, wanted: Claim) -> Overtaken:
    own = live_of_story(db, wanted.story)
    if own is not None:
        fact = f"story {wanted.story} has a live run already: {own.kind.value} run {own.id}"
    elif wanted.kind is RunKind.MERGE:
        fact = "another merge is under way"
    else:
        fact = f"agent {wanted.agent} is busy with another story"
    return Overtaken(fact, hint="'huskies run list --live' shows it.", code="already_running")


def _run(row: sqlite3.Row) -> Run:
    said = json.loads(row["verdict"] or "{}")
    landing = json.loads(row["landing"]) if row["landing"] else None
    parsed: dict[str, Any] = {
        "kind": RunKind(row["kind"]),
        "status": RunStatus(row["status"]),
        "outcome": Outcome(row["outcome"]) if row["outcome"] else None,
        "verdict": Verdict(said["verdict"]) if said else None,
        "notes": said.get("notes", ""),
        "evidence": json.loads(row["evidence"] or "{}"),
        "landing": Landing(**landing) if landing else None,
    }
    plain = {name: value for name, value in dict(row).items() if name != "usage_final"}
    return Run(**{**plain, **parsed})
