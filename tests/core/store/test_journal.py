"""Consumers read the journal from a position; counts come from its rows and not from memory."""

from datetime import timedelta

from huskies_core.ids import Seq, StoryId
from huskies_core.pipeline import events
from huskies_core.pipeline.events import MergeFailed
from huskies_core.pipeline.stages import MergeFailureKind
from huskies_core.store import journal
from huskies_core.store.connection import Store
from huskies_core.store.journal import JournalKind
from support.stage_examples import EVENTS, MERGE
from support.stories import NOW, add_story, apply_events, apply_to_story, import_story


def note(store: Store, kind: JournalKind, event: str, story: StoryId | None = None) -> int:
    with store.exclusive() as db:
        return journal.append(db, kind, event, actor="pass:gc", now=NOW, story=story, detail={"kept": "ß"})


def failures(store: Store, story: int = 1) -> int:
    with store.reading() as db:
        return journal.merge_failures(db, least=1).get(StoryId(story), 0)


def test_an_empty_journal_has_no_head(store: Store) -> None:
    with store.reading() as db:
        assert (journal.head(db), journal.entries_after(db, Seq(0))) == (0, ())


def test_a_seq_is_never_used_twice_even_after_the_newest_row_was_deleted(store: Store) -> None:
    seqs = [note(store, JournalKind.GIT, "a"), note(store, JournalKind.GIT, "b")]
    with store.exclusive() as db:
        db.execute("DELETE FROM journal")
    assert (seqs, note(store, JournalKind.GIT, "c")) == ([1, 2], 3)


def test_a_consumer_reads_the_transitions_behind_its_cursor_in_portions(store: Store) -> None:
    add_story(store)
    apply_events(store, EVENTS["start"])
    note(store, JournalKind.WORKTREE, "worktree_created", StoryId(1))
    apply_events(store, EVENTS["gates_failed"], EVENTS["qa_requested"])
    with store.reading() as db:
        portions = [journal.transitions_after(db, Seq(seq), 2) for seq in (0, 4, 5)]
        assert journal.head(db) == 5
    assert [[(entry.seq, entry.event) for entry in portion] for portion in portions] == [
        [(2, "start"), (4, "gates_failed")],
        [(5, "qa_requested")],
        [],
    ]


def test_rows_of_one_story_or_of_all_are_read(store: Store) -> None:
    add_story(store)
    add_story(store)
    note(store, JournalKind.QUEUE, "hold_began")
    note(store, JournalKind.WORKTREE, "worktree_created", StoryId(1))
    with store.reading() as db:
        of_all = [entry.seq for entry in journal.entries_after(db, Seq(1), limit=2)]
        of_one = [(entry.seq, entry.detail) for entry in journal.entries_after(db, Seq(1), story=StoryId(1))]
    assert (of_all, of_one) == ([2, 3], [(4, {"kept": "ß"})])


def test_failed_gates_and_other_merge_failures_count_and_conflicts_do_not(store: Store) -> None:
    import_story(store, MERGE)
    import_story(store, MERGE)
    for kind in MergeFailureKind:
        apply_to_story(store, 1, MergeFailed(kind, ""))
    assert (failures(store, 1), failures(store, 2)) == (2, 0)


def test_start_unblock_and_reopen_restart_the_count_of_merge_failures(store: Store) -> None:
    """Only the merge failures of stories between coding and merge_failure count."""
    import_story(store, MERGE)
    counts = []
    for name in ("merge_failed", "fixup_requested", "qa_skipped", "merge_failed", "block", "unblock"):
        apply_events(store, EVENTS[name])
        counts.append(failures(store))
    for name in ("merge_failed", "demote", "start", "qa_skipped", "merge_failed", "close", "reopen"):
        apply_events(store, EVENTS[name])
        counts.append(failures(store))
    assert counts == [1, 1, 1, 2, 0, 0, 1, 0, 0, 0, 1, 0, 0]


def test_unfreeze_keeps_the_count_of_merge_failures(store: Store) -> None:
    import_story(store, MERGE)
    for event in (EVENTS["merge_failed"], events.Freeze(), events.Unfreeze()):
        apply_to_story(store, 1, event)
    assert failures(store) == 1


def test_a_cursor_moves_forward_only(store: Store) -> None:
    positions = []
    for seq in (5, 3, 9):
        with store.exclusive() as db:
            journal.move_cursor(db, "relay", Seq(seq))
            journal.move_cursor(db, "triggers", Seq(1))
            positions.append(
                (journal.cursor(db, "relay"), journal.cursor(db, "triggers"), journal.cursor(db, "other"))
            )
    assert positions == [(5, 1, 0), (5, 1, 0), (9, 1, 0)]


def test_findings_are_those_since_a_time(store: Store) -> None:
    with store.exclusive() as db:
        for hours, change in ((30, "long ago"), (20, "a remote"), (1, "hooks path")):
            journal.append(
                db,
                JournalKind.GIT,
                "repository_changed",
                actor="run:1",
                now=NOW - timedelta(hours=hours),
                detail={"change": change, "runs": [1]},
            )
    add_story(store)
    with store.reading() as db:
        lately = journal.findings_since(db, NOW - timedelta(days=1))
        ever = journal.findings_since(db, NOW - timedelta(days=9))
    assert ([finding.change for finding in lately], len(ever)) == (["a remote", "hooks path"], 3)
    assert (lately[0].runs, lately[0].at) == ((1,), "2026-02-28T16:00:00.000Z")
