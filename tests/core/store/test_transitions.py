"""An event is applied with all its changes, or nothing is written."""

from datetime import timedelta

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId, Seq, StoryId
from huskies_core.pipeline import events, stages
from huskies_core.pipeline.events import Event
from huskies_core.store import content, journal, queue_holds, runs, stories, transitions
from huskies_core.store.connection import Store
from huskies_core.store.journal import JournalEntry, JournalKind
from huskies_core.store.queue_holds import QueueHoldKind
from huskies_core.store.runs import Landing, RunClaim, RunKind
from huskies_core.store.stories import Story
from huskies_core.store.transitions import Stale, Transition
from support.stage_examples import EVENTS, MERGE, STAGES
from support.stories import NOW, add_story, apply_to_story, import_story, load_story

LATER = NOW + timedelta(minutes=5)


def start_run(store: Store, story: Story, kind: RunKind = RunKind.CODER) -> int:
    with store.exclusive() as db:
        return runs.claim(db, RunClaim(story.id, kind, story.visit), actor="pass:auto-assign", now=NOW).id


def newest(store: Store) -> JournalEntry:
    with store.reading() as db:
        return journal.entries_after(db, Seq(journal.head(db) - 1))[0]


def test_a_transition_equals_its_journal_row(store: Store) -> None:
    import_story(store, MERGE)
    event = events.MergeFailed(stages.MergeFailureKind.CONFLICT_DETECTED, "a.txt")
    transition = apply_to_story(store, 1, event, now=LATER)
    after = stages.MergeFailure(stages.MergeFailureKind.CONFLICT_DETECTED, "a.txt")
    assert transition == Transition(Seq(2), StoryId(1), "merge_failed", MERGE, after, None)
    assert newest(store) == JournalEntry(
        seq=Seq(2),
        at="2026-03-01T12:05:00.000Z",
        kind=JournalKind.TRANSITION,
        story=StoryId(1),
        event="merge_failed",
        before="merge",
        after="merge_failure",
        actor="user:test",
        detail={"kind": "conflict_detected", "detail": "a.txt"},
    )


def test_an_event_moves_the_story_and_begins_a_new_visit(store: Store) -> None:
    add_story(store)
    apply_to_story(store, 1, events.Start(), now=LATER)
    story = load_story(store, 1)
    at = "2026-03-01T12:05:00.000Z"
    assert (story.stage, story.visit, story.entered_by) == (stages.Coding(), 2, "start")
    assert (story.stage_entered_at, story.updated_at, story.coding_at) == (at, at, at)
    assert story.created_at == "2026-03-01T12:00:00.000Z"


def test_an_event_for_an_earlier_visit_is_stale_even_in_the_same_stage(store: Store) -> None:
    visit = import_story(store, stages.Coding()).visit
    apply_to_story(store, 1, events.GatesFailed("1 test failed"))
    before = load_story(store, 1)
    with pytest.raises(Stale, match="has moved on to coding") as stale, store.exclusive() as db:
        transitions.apply_event(db, StoryId(1), events.QaRequested(), visit=visit, actor="run:1", now=NOW)
    assert (stale.value.code, load_story(store, 1), newest(store).event) == ("stale", before, "gates_failed")


def test_an_event_that_is_not_allowed_writes_nothing_and_names_the_commands_that_are(store: Store) -> None:
    story = import_story(store, stages.Superseded(StoryId(9)))
    with pytest.raises(HuskiesError) as refused:
        apply_to_story(store, 1, events.Start())
    details = refused.value
    assert (details.code, details.message, details.hint) == (
        "invalid_transition",
        "story 1 is in superseded: start is not allowed there",
        "Allowed there: reopen.",
    )
    assert (load_story(store, 1), newest(store).event) == (story, "imported")


def test_an_unknown_story_is_not_found(store: Store) -> None:
    with pytest.raises(HuskiesError) as refused:
        apply_to_story(store, 7, events.Start())
    assert (refused.value.code, refused.value.subject) == ("not_found", "7")


@pytest.mark.parametrize("name", ["close", "abandon", "supersede", "merge_succeeded"])
def test_a_terminal_event_removes_all_content(store: Store, name: str) -> None:
    import_story(store, MERGE)
    add_story(store)
    with store.exclusive() as db:
        content.put(db, StoryId(1), content.QA_NOTES, "{}", now=NOW)
        content.put(db, StoryId(1), content.GATE_OUTPUT, "ok", now=NOW)
        content.put(db, StoryId(2), content.GATE_OUTPUT, "of another", now=NOW)
    apply_to_story(store, 1, EVENTS[name])
    with store.reading() as db:
        assert (content.of_story(db, StoryId(1)), content.of_story(db, StoryId(2))) == (
            {},
            {"gate_output": "of another"},
        )


@pytest.mark.parametrize("name", ["merge_failed", "block", "freeze", "fixup_requested", "demote"])
def test_content_stays_until_a_terminal_event(store: Store, name: str) -> None:
    import_story(store, MERGE)
    with store.exclusive() as db:
        content.put(db, StoryId(1), content.GATE_OUTPUT, "ok", now=NOW)
    apply_to_story(store, 1, EVENTS[name])
    with store.reading() as db:
        assert content.of_story(db, StoryId(1)) == {"gate_output": "ok"}


def test_a_transition_names_the_live_run_of_the_ended_visit(store: Store) -> None:
    run = start_run(store, import_story(store, stages.Coding()))
    assert apply_to_story(store, 1, events.Freeze()).left_run == run


def test_every_event_is_refused_while_a_commit_is_being_landed(store: Store) -> None:
    story = import_story(store, MERGE)
    run = start_run(store, story, RunKind.MERGE)
    with store.exclusive() as db:
        runs.begin_landing(db, RunId(run), Landing("base", "commit"))
    for event in EVENTS.values():
        with pytest.raises(HuskiesError) as refused:
            apply_to_story(store, 1, event)
        assert refused.value.code == "landing"
    assert load_story(store, 1) == story


def test_the_transaction_that_clears_the_landing_can_apply_the_next_event(store: Store) -> None:
    story = import_story(store, MERGE)
    run = start_run(store, story, RunKind.MERGE)
    with store.exclusive() as db:
        runs.begin_landing(db, RunId(run), Landing("base", "commit"))
    with store.exclusive() as db:
        runs.drop_landing(db, RunId(run))
        event = events.MergeSucceeded("commit", "2026-03-01T12:00:00.000Z")
        transitions.apply_event(db, StoryId(1), event, visit=story.visit, actor=f"run:{run}", now=NOW)
    assert load_story(store, 1).stage == stages.Done("2026-03-01T12:00:00.000Z", "commit")


def test_a_landing_cannot_begin_when_the_story_has_moved_on(store: Store) -> None:
    run = start_run(store, import_story(store, MERGE), RunKind.MERGE)
    apply_to_story(store, 1, events.Freeze())
    with pytest.raises(HuskiesError) as refused, store.exclusive() as db:
        runs.begin_landing(db, RunId(run), Landing("base", "commit"))
    with store.reading() as db:
        assert (refused.value.code, runs.load(db, RunId(run)).landing) == ("stale", None)


def retries_after(store: Store, *applied: Event) -> list[tuple[int, bool]]:
    """Return, after each event, the retries and whether the event reset the counts."""
    counts = []
    for event in applied:
        seq = apply_to_story(store, 1, event).seq
        story = load_story(store, 1)
        counts.append((story.retries, story.reset_seq == seq))
    return counts


def test_each_kind_of_failure_counts_as_a_retry(store: Store) -> None:
    import_story(store, stages.Coding())
    names = ("gates_failed", "qa_requested", "gates_failed", "qa_requested", "qa_rejected", "qa_skipped")
    counts = retries_after(store, *(EVENTS[name] for name in (*names, "merge_failed", "fixup_requested")))
    assert counts == [(count, False) for count in (1, 1, 2, 2, 3, 3, 3, 4)]


@pytest.mark.parametrize(
    ("away", "back"),
    [
        (("block",), "unblock"),
        (("freeze",), "unfreeze"),
        (("demote",), "start"),
        (("abandon", "reopen"), "deps_met"),
    ],
)
def test_returning_to_work_resets_the_counts(store: Store, away: tuple[str, ...], back: str) -> None:
    import_story(store, stages.Coding())
    counts = retries_after(store, *(EVENTS[name] for name in ("gates_failed", *away, back, "gates_failed")))
    assert counts == [(1, False), *[(1, False)] * len(away), (0, True), (1, False)]


def test_the_age_in_the_merge_queue_counts_from_the_last_start(store: Store) -> None:
    add_story(store)
    names = ("start", "qa_skipped", "fixup_requested", "block", "unblock", "demote", "start")
    ages = []
    for minute, name in enumerate(names):
        apply_to_story(store, 1, EVENTS[name], now=NOW + timedelta(minutes=minute))
        ages.append((load_story(store, 1).coding_at or "")[14:16])
    assert ages == ["00", "00", "00", "00", "00", "00", "06"]


def test_leaving_the_queue_ends_the_holds_of_the_story(store: Store) -> None:
    import_story(store, MERGE)
    import_story(store, MERGE)
    with store.exclusive() as db:
        for story in (queue_holds.QUEUE, StoryId(1), StoryId(2)):
            kind = QueueHoldKind.BASE_DIRTY if story else QueueHoldKind.BASE_BROKEN
            queue_holds.put(db, kind, story, {}, actor="pass:auto-assign", now=NOW)
    seq = apply_to_story(store, 1, events.Freeze()).seq
    with store.reading() as db:
        holds = [(hold.kind.value, hold.story) for hold in queue_holds.everything(db)]
        details = [(entry.kind.value, entry.event, entry.story) for entry in journal.entries_after(db, seq)]
    assert (holds, details) == ([("base_broken", 0), ("base_dirty", 2)], [("queue", "hold_ended", 1)])


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_a_story_can_be_imported_in_any_stage(store: Store, stage: stages.Stage) -> None:
    story = import_story(store, stage)
    entry = newest(store)
    assert (load_story(store, 1).stage, story.visit, entry.seq) == (stage, 1, 1)
    details = (entry.kind, entry.event, entry.before, entry.after)
    assert details == (JournalKind.TRANSITION, "imported", None, stage.name.value)


def test_the_stages_of_many_stories_are_read_at_once(store: Store) -> None:
    for stage in (MERGE, stages.Coding()):
        import_story(store, stage)
    with store.reading() as db:
        assert stories.stages_of(db, [StoryId(1), StoryId(2), StoryId(3)]) == {1: MERGE, 2: stages.Coding()}
