"""No query reads a whole table that grows: the cost depends on live and due rows, not on the archive."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from huskies_core.ids import RunId, Seq, StoryId
from huskies_core.pipeline import events, stages
from huskies_core.pipeline.stages import StageName
from huskies_core.store import (
    completions,
    content,
    due,
    executions,
    journal,
    notifications,
    queue_holds,
    runs,
    stories,
    timers,
    transitions,
    triggers,
    usage,
)
from huskies_core.store.connection import Store
from huskies_core.store.runs import RunClaim, RunKind
from support.stories import NOW, import_story

GROWING = {"stories", "journal", "runs", "usage", "timers", "triggers", "firings", "notifications"}
PARTIAL = {
    *("one_live_run_per_story", "one_live_run_per_agent", "one_live_merge", "epics", "stories_by_epic"),
    *("timers_in_trouble", "triggers_armed", "triggers_in_trouble", "open_firings"),
    "open_notifications",
}
"""Indexes with only live or rare rows: a scan of a whole index is cheap."""

READS: dict[str, Callable[[sqlite3.Connection], object]] = {
    "stories.find": lambda db: stories.find(db, StoryId(1)),
    "stories.in_stages": lambda db: stories.in_stages(db, [StageName.CODING, StageName.DONE]),
    "stories.visits_in": lambda db: stories.visits_in(db, StageName.CODING),
    "stories.over_among": lambda db: stories.finished_among(db, [StoryId(1), StoryId(2)]),
    "stories.heir_of": lambda db: stories.heir_of(db, StoryId(1)),
    "stories.open_stories": stories.open_stories,
    "stories.open_epics": stories.open_epics,
    "stories.members": lambda db: stories.members(db, StoryId(1)),
    "stories.done_before": lambda db: stories.done_before(db, NOW),
    "stories.stages_of": lambda db: stories.stages_of(db, [StoryId(1), StoryId(2)]),
    "content.left_over": content.left_over,
    "content.of_story": lambda db: content.of_story(db, StoryId(1)),
    "holds.everything": queue_holds.everything,
    "journal.head": journal.head,
    "journal.transitions_after": lambda db: journal.transitions_after(db, Seq(5)),
    "journal.entries_after": lambda db: journal.entries_after(db, Seq(5)),
    "journal.entries_after of one story": lambda db: journal.entries_after(db, Seq(5), story=StoryId(1)),
    "journal.audited_after": lambda db: journal.audited_after(db, Seq(5)),
    "journal.count_audited_after": lambda db: journal.count_audited_after(db, Seq(5), most=10),
    "journal.count_transitions_after": lambda db: journal.count_transitions_after(db, Seq(5)),
    "journal.merge_failures": lambda db: journal.merge_failures(db, least=1),
    "runs.live": runs.live,
    "runs.live_of_story": lambda db: runs.live_of_story(db, StoryId(1)),
    "runs.of_story": lambda db: runs.of_story(db, StoryId(1)),
    "runs.recent": runs.recent,
    "runs.ended_before": lambda db: runs.ended_before(db, NOW, least=RunId(5)),
    "timers.due": lambda db: timers.due(db, NOW),
    "timers.labelled": lambda db: timers.labelled(db, "nightly"),
    "timers.with_problem": timers.with_problem,
    "triggers.armed": triggers.armed,
    "triggers.first_armed": triggers.first_armed,
    "triggers.with_problem": triggers.with_problem,
    "firings.still_open": lambda db: executions.still_open(db, journal.JournalKind.TIMER),
    "firings.is_claimed": lambda db: executions.is_claimed(db, "trigger:1", Seq(1)),
    "firings.count_since": lambda db: executions.count_since(db, "trigger:1", NOW),
    "firings.has_before": lambda db: executions.has_before(db, NOW),
    "journal.count_notable_after": lambda db: journal.count_notable_after(db, Seq(5), ["block"]),
    "journal.notable_after": lambda db: journal.notable_after(db, Seq(5), ["block"], most=5),
    "notifications.still_open": notifications.still_open,
    "notifications.undelivered_since": lambda db: notifications.undelivered_since(db, NOW),
    "notifications.has_before": lambda db: notifications.has_before(db, NOW),
    "usage.spent_on_story": lambda db: usage.spent_on_story(db, StoryId(1)),
    "due": lambda db: due.due_passes(db, "", stamp="", gateway=True, is_dead=lambda _: True),
    "usage.spent_since": lambda db: usage.spent_since(db, NOW),
    "usage.spent_between": lambda db: usage.spent_between(db, NOW, NOW, without=()),
    "usage.stories_over": lambda db: usage.stories_over(db, 1.0),
    "usage.first_used": lambda db: usage.first_used(db, RunId(1)),
}
OFFERED = ("stories", "finished", "epics", "labels", "runs", "live-runs", "timers", "triggers")


def start_and_claim(db: sqlite3.Connection) -> None:
    transitions.apply_event(db, StoryId(1), events.Start(), visit=Seq(1), actor="user:test", now=NOW)
    visit = stories.load(db, StoryId(1)).visit
    runs.claim(db, RunClaim(StoryId(1), RunKind.CODER, visit, "coder-1"), actor="user:test", now=NOW)


def close_story(db: sqlite3.Connection) -> None:
    transitions.apply_event(
        db, StoryId(1), events.Close("no", "2026-03-01"), visit=Seq(1), actor="user:test", now=NOW
    )


WRITES: dict[str, Callable[[sqlite3.Connection], object]] = {
    "start and claim": start_and_claim,
    "close": close_story,
    "add": lambda db: stories.add(db, stories.StoryDraft("x"), stages.Backlog(), actor="user:test", now=NOW),
}


@pytest.fixture
def db(store: Store) -> Iterator[sqlite3.Connection]:
    import_story(store, stages.Backlog())
    with store.exclusive() as db:
        yield db


def whole_reads(db: sqlite3.Connection, ask: Callable[[sqlite3.Connection], object]) -> list[str]:
    """Return the steps of the query plans of `ask` that scan a table or index that grows."""
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    try:
        ask(db)
    finally:
        db.set_trace_callback(None)
    return [step for statement in statements for step in plan(db, statement) if is_whole(step)]


def plan(db: sqlite3.Connection, statement: str) -> list[str]:
    if not statement.lstrip().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
        return []
    steps = [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
    ends_early = "LIMIT" in statement and "USE TEMP B-TREE FOR ORDER BY" not in steps
    return [] if ends_early else steps


def is_whole(step: str) -> bool:
    words = step.split()
    index = words[-1] if "INDEX" in words else ""
    return words[0] == "SCAN" and words[1] in GROWING and index not in PARTIAL


@pytest.mark.parametrize("name", READS)
def test_no_pass_reads_a_whole_table(db: sqlite3.Connection, name: str) -> None:
    assert whole_reads(db, READS[name]) == []


@pytest.mark.parametrize("kind", OFFERED)
def test_no_completion_reads_a_whole_table(db: sqlite3.Connection, kind: str) -> None:
    assert whole_reads(db, lambda db: list(completions._words(db, kind, ""))) == []


@pytest.mark.parametrize("name", WRITES)
def test_no_change_reads_a_whole_table(db: sqlite3.Connection, name: str) -> None:
    assert whole_reads(db, WRITES[name]) == []


def test_this_module_notices_a_whole_read() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.row_factory = sqlite3.Row
        db.execute("CREATE TABLE stories (id INTEGER PRIMARY KEY, stage TEXT)")
        scans = whole_reads(db, lambda db: db.execute("SELECT * FROM stories WHERE stage = 'done'"))
    assert scans == ["SCAN stories"]
