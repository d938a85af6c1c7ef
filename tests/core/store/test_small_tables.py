"""Content, branches, metadata, gate passes and the times of passes."""

from datetime import timedelta

from huskies_core.ids import StoryId
from huskies_core.pipeline import stages
from huskies_core.store import branches, content, gate_passes, metadata, pass_times
from huskies_core.store.connection import Store
from huskies_core.store.pass_times import PassTime
from support.stage_examples import MERGE, STAGES
from support.stories import NOW, import_story

LATER = NOW + timedelta(minutes=5)


def test_content_is_replaced_and_removed_by_its_key(store: Store) -> None:
    import_story(store, MERGE)
    with store.exclusive() as db:
        for key, value in (("sessions", "1"), ("qa_notes", "no"), ("sessions", "2")):
            content.put(db, StoryId(1), key, value, now=NOW)
        kept = content.of_story(db, StoryId(1))
        content.remove(db, StoryId(1), "qa_notes")
        assert (kept, content.purge(db, StoryId(1))) == ({"qa_notes": "no", "sessions": "2"}, 1)


def test_content_that_terminal_stories_still_have_is_found(store: Store) -> None:
    for stage in STAGES.values():
        story = import_story(store, stage)
        with store.exclusive() as db:
            content.put(db, story.id, "sessions", "1", now=NOW)
            content.put(db, story.id, "qa_notes", "no", now=NOW)
    with store.reading() as db:
        assert content.left_over(db) == ((10, 2), (11, 2), (12, 2), (13, 2))


def test_a_branch_keeps_its_base_commit_until_it_is_forgotten(store: Store) -> None:
    for _ in range(2):
        import_story(store, stages.Coding())
    with store.exclusive() as db:
        branches.record(db, StoryId(1), "old", now=NOW)
        branches.record(db, StoryId(1), "new", now=LATER)
        known = (
            branches.base_commit(db, StoryId(1)),
            branches.base_commit(db, StoryId(2)),
            branches.all_stories(db),
        )
        branches.forget(db, StoryId(1))
        assert (known, branches.all_stories(db)) == (("old", None, frozenset({1})), frozenset())


def test_metadata_is_replaced(store: Store) -> None:
    with store.exclusive() as db:
        metadata.put(db, metadata.BASE_BRANCH, "main")
        metadata.put(db, metadata.BASE_BRANCH, "trunk")
        assert (metadata.get(db, metadata.BASE_BRANCH), metadata.get(db, metadata.HYGIENE)) == ("trunk", None)


def test_a_gate_pass_counts_for_one_tree_and_one_definition_until_it_expires(store: Store) -> None:
    with store.exclusive() as db:
        gate_passes.record(db, "tree", "gates", now=NOW)
        gate_passes.record(db, "tree", "gates", now=LATER)
        known = [
            gate_passes.known(db, *key) for key in (("tree", "gates"), ("tree", "new"), ("new", "gates"))
        ]
        assert (known, gate_passes.expire(db, NOW), gate_passes.expire(db, LATER)) == (
            [True, False, False],
            0,
            1,
        )


def test_a_pass_is_brought_forward_but_never_postponed(store: Store) -> None:
    with store.exclusive() as db:
        times = [pass_times.get(db, "watchdog")]
        for moment in (LATER, NOW, LATER):
            pass_times.bring_forward(db, "watchdog", moment)
            times.append(pass_times.get(db, "watchdog"))
        pass_times.record(db, "watchdog", last_at=NOW, due_at=None)
        times.append(pass_times.get(db, "watchdog"))
        pass_times.bring_forward(db, "watchdog", LATER)
        times.append(pass_times.get(db, "watchdog"))
    due = [PassTime(None, moment) for moment in (None, LATER, NOW, NOW)]
    assert times == [*due, PassTime(NOW, None), PassTime(NOW, LATER)]
