"""The rules for live runs, and the records of runs and their usage."""

import sqlite3
from datetime import timedelta

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId, Seq, StoryId
from huskies_core.pipeline import events, stages
from huskies_core.store import journal, runs, stories, usage
from huskies_core.store.connection import Store
from huskies_core.store.evidence import Evidence
from huskies_core.store.journal import JournalKind
from huskies_core.store.runs import Outcome, Report, Run, RunClaim, RunKind, RunStatus, Verdict
from huskies_core.store.usage import ModelUsage
from support.stories import NOW, apply_to_story, import_story

LATER = NOW + timedelta(minutes=5)
DONE = Report(Outcome.COMPLETED, "exit 0", Evidence(output="7"), turns=3, tool_turns=2, cost_usd=0.25)


def claim(store: Store, story: int, kind: RunKind = RunKind.CODER, agent: str | None = None) -> Run:
    with store.exclusive() as db:
        visit = stories.load(db, StoryId(story)).visit
        new_run = RunClaim(StoryId(story), kind, visit, agent, "command", "sonnet")
        return runs.claim(db, new_run, actor="pass:auto-assign", now=NOW)


def end(store: Store, run: int, report: Report = DONE) -> bool:
    with store.exclusive() as db:
        return runs.end(db, RunId(run), report, actor=f"run:{run}", now=LATER)


def load(store: Store, run: int) -> Run:
    with store.reading() as db:
        return runs.load(db, RunId(run))


def run_rows(store: Store) -> list[tuple[str, int | None, object]]:
    with store.reading() as db:
        rows = [entry for entry in journal.entries_after(db, Seq(0)) if entry.kind is JournalKind.RUN]
    return [(entry.event, entry.story, entry.detail) for entry in rows]


@pytest.fixture(autouse=True)
def two_stories(store: Store) -> None:
    import_story(store, stages.Coding())
    import_story(store, stages.Coding())


def test_a_claim_is_a_starting_run_and_one_journal_row(store: Store) -> None:
    run = claim(store, 1, agent="coder-1")
    assert (run.id, run.story, run.kind, run.agent) == (1, 1, RunKind.CODER, "coder-1")
    assert (run.status, run.outcome, run.visit, run.seq) == (RunStatus.STARTING, None, 1, 3)
    assert (run.runtime, run.model, run.started_at) == ("command", "sonnet", "2026-03-01T12:00:00.000Z")
    assert run_rows(store) == [("run_started", 1, {"run": 1, "kind": "coder", "agent": "coder-1"})]


@pytest.mark.parametrize(
    ("first", "second", "fact"),
    [
        ((1, RunKind.CODER, "a"), (1, RunKind.GATES, None), "story 1 already has a live run: coder run 1"),
        ((1, RunKind.CODER, "a"), (2, RunKind.CODER, "a"), "agent a is busy with another story"),
        ((1, RunKind.MERGE, None), (2, RunKind.MERGE, None), "another merge is in progress"),
    ],
)
def test_a_second_live_run_of_a_story_an_agent_or_a_merge_is_refused_and_leaves_no_row(
    store: Store, first: tuple[int, RunKind, str], second: tuple[int, RunKind, str], fact: str
) -> None:
    claim(store, *first)
    before = run_rows(store)
    with pytest.raises(HuskiesError) as refused:
        claim(store, *second)
    assert (refused.value.code, refused.value.message, run_rows(store)) == ("already_running", fact, before)
    end(store, 1)
    assert claim(store, *second).is_live


def test_runs_without_an_agent_do_not_exclude_each_other(store: Store) -> None:
    claim(store, 1, RunKind.GATES)
    claim(store, 2, RunKind.GATES)
    with store.reading() as db:
        assert [run.story for run in runs.live(db)] == [1, 2]


def test_a_claim_for_a_story_that_does_not_exist_is_a_bug_and_leaves_no_row(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError), store.exclusive() as db:
        runs.claim(db, RunClaim(StoryId(7), RunKind.CODER, Seq(1)), actor="user:test", now=NOW)
    assert run_rows(store) == []


def test_an_end_is_recorded_once(store: Store) -> None:
    claim(store, 1, agent="coder-1")
    assert (end(store, 1), end(store, 1, Report(Outcome.CRASHED))) == (True, False)
    run = load(store, 1)
    assert (run.status, run.outcome, run.detail) == (RunStatus.ENDED, Outcome.COMPLETED, "exit 0")
    assert (run.evidence, run.ended_at) == (Evidence(output="7"), "2026-03-01T12:05:00.000Z")
    assert (run.turns, run.tool_turns, run.cost_usd) == (3, 2, 0.25)
    ends = [row for row in run_rows(store) if row[0] == "run_ended"]
    about = {"run": 1, "kind": "coder", "agent": "coder-1", "outcome": "completed", "detail": "exit 0"}
    assert ends == [("run_ended", 1, about)]


def test_the_status_of_a_run_only_moves_forward(store: Store) -> None:
    claim(store, 1)
    passed = []
    for step in (runs.mark_live, runs.mark_ending, runs.mark_live):
        with store.exclusive() as db:
            step(db, RunId(1))
        passed.append(load(store, 1).status.value)
    end(store, 1)
    with store.exclusive() as db:
        runs.mark_live(db, RunId(1))
        runs.mark_ending(db, RunId(1))
    assert (passed, load(store, 1).status) == (["live", "ending", "ending"], RunStatus.ENDED)


def test_the_last_verdict_of_a_live_run_counts_and_a_later_one_does_not(store: Store) -> None:
    claim(store, 1, RunKind.QA)
    with store.exclusive() as db:
        runs.record_verdict(db, RunId(1), Verdict.APPROVED, "")
        runs.record_verdict(db, RunId(1), Verdict.REJECTED, "no tests")
    end(store, 1)
    with store.exclusive() as db:
        runs.record_verdict(db, RunId(1), Verdict.APPROVED, "late")
    run = load(store, 1)
    assert (run.verdict, run.notes) == (Verdict.REJECTED, "no tests")


def test_only_runs_after_the_reset_count(store: Store) -> None:
    for event in (None, events.GatesFailed("no"), events.Freeze(), events.Unfreeze(), None):
        if event is not None:
            apply_to_story(store, 1, event)
        end(store, claim(store, 1).id)
    with store.reading() as db:
        reset = stories.load(db, StoryId(1)).reset_seq
        counted = [run.id for run in runs.of_story(db, StoryId(1)) if run.seq > reset]
        assert (counted, [run.id for run in runs.of_story(db, StoryId(1))]) == ([4, 5], [1, 2, 3, 4, 5])


def test_runs_are_found_by_their_end(store: Store) -> None:
    end(store, claim(store, 1).id)
    claim(store, 1)
    with store.reading() as db:
        ended = [runs.ended_before(db, LATER + timedelta(seconds=n), least=RunId(n)) for n in (0, 1, 2)]
        assert ended == [frozenset(), {1}, frozenset()]
        assert [run.id for run in runs.recent(db, 1)] == [2]
        assert runs.live_of_story(db, StoryId(1)) == runs.load(db, RunId(2))
        assert (runs.live_of_story(db, StoryId(2)), runs.find(db, RunId(9))) == (None, None)


def test_usage_is_replaced_and_keeps_the_time_of_the_first(store: Store) -> None:
    claim(store, 1)
    claim(store, 2)
    last = (ModelUsage("haiku", 5, 1, cost_usd=0.25), ModelUsage("opus[1m]", 30, 3, cost_usd=1.5))
    with store.exclusive() as db:
        before = usage.first_used(db, RunId(1))
        usage.put(db, RunId(1), ModelUsage("opus", 10, 1, cost_usd=1.0), now=NOW)
        usage.put(db, RunId(1), *last, now=LATER)
        usage.put(db, RunId(2), ModelUsage("opus", cost_usd=4.0), now=LATER)
    with store.reading() as db:
        of_stories = [usage.spent_on_story(db, StoryId(story)) for story in (1, 2, 3)]
        since = [usage.spent_since(db, moment) for moment in (NOW, LATER, LATER + timedelta(seconds=1))]
        run_rows = (before, usage.first_used(db, RunId(1)), usage.of_run(db, RunId(1)))
        between = [usage.spent_between(db, NOW, LATER, without=runs) for runs in ((), (RunId(1),))]
        until_later = usage.spent_between(db, NOW, LATER + timedelta(seconds=1), without=(RunId(1),))
    assert run_rows == (None, NOW, last)
    assert (of_stories, since) == ([1.75, 4.0, 0.0], [5.75, 4.0, 0.0])
    assert (between, until_later) == ([1.75, 0.0], 4.0)
