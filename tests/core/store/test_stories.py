"""Drafts of stories are stored unchanged, an edit writes a journal row, and ids are never reused."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from huskies_core.errors import HuskiesError
from huskies_core.ids import Seq, StoryId
from huskies_core.pipeline import events, stages
from huskies_core.pipeline.stages import StageName
from huskies_core.qa_mode import QaMode
from huskies_core.store import journal, stories
from huskies_core.store.connection import Store
from huskies_core.store.stories import Criterion, StoryDraft, StoryType
from support.stage_examples import STAGES
from support.stories import NOW, add_story, apply_to_story, import_story, load_story

FULL = StoryDraft(
    title="Fix -- the 🐕 sled",
    type=StoryType.BUG,
    description="../../etc/passwd\n\n-- not a flag\x00 and \"quotes\" 'too'; DROP TABLE stories;",
    criteria=(Criterion("it runs", checked=True), Criterion("it stops")),
    depends_on=(StoryId(1),),
    epic=StoryId(1),
    agent="opus",
    qa=QaMode.HUMAN,
    priority=-3,
    labels=("snow", "eis🧊"),
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
DRAFTS = st.builds(
    StoryDraft,
    title=TEXT,
    type=st.sampled_from(StoryType),
    description=TEXT,
    criteria=st.lists(st.builds(Criterion, TEXT, st.booleans())).map(tuple),
    depends_on=st.lists(st.integers(1, 2**62)).map(tuple),
    epic=st.none(),
    agent=st.none() | TEXT,
    qa=st.none() | st.sampled_from(QaMode),
    priority=st.integers(-(2**62), 2**62),
    labels=st.lists(TEXT).map(tuple),
)


def rows(store: Store) -> list[tuple[str, str, object]]:
    with store.reading() as db:
        return [(entry.kind.value, entry.event, entry.detail) for entry in journal.entries_after(db, Seq(0))]


def edit(store: Store, story: int, draft: StoryDraft) -> bool:
    with store.exclusive() as db:
        return stories.edit(db, StoryId(story), draft, actor="user:test", now=NOW)


def test_a_new_story_is_in_backlog_with_one_row(store: Store) -> None:
    story = add_story(store, "First")
    assert (story.id, story.draft.title, story.stage, story.visit) == (1, "First", stages.Backlog(), 1)
    assert (story.entered_by, story.retries, story.coding_at) == ("created", 0, None)
    assert rows(store) == [("story", "created", {"title": "First"})]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(draft=DRAFTS)
def test_every_draft_is_stored_unchanged(store: Store, draft: StoryDraft) -> None:
    with store.exclusive() as db:
        story = stories.add(db, draft, stages.Backlog(), actor="user:test", now=NOW)
    assert load_story(store, story.id).draft == draft


def test_an_edit_replaces_the_draft_and_names_the_fields(store: Store) -> None:
    add_story(store)
    before = add_story(store)
    assert edit(store, 2, FULL)
    after = load_story(store, 2)
    assert after == replace(before, draft=FULL)
    fields = [
        "agent",
        "criteria",
        "depends_on",
        "description",
        "epic",
        "labels",
        "priority",
        "qa",
        "title",
        "type",
    ]
    assert rows(store)[2:] == [("story", "edited", {"fields": fields})]


def test_an_edit_that_changes_nothing_writes_nothing(store: Store) -> None:
    story = add_story(store)
    assert not edit(store, 1, story.draft)
    assert len(rows(store)) == 1


def test_an_edit_does_not_end_the_visit(store: Store) -> None:
    story = import_story(store, stages.Coding())
    edit(store, 1, replace(story.draft, title="Other"))
    assert load_story(store, 1).visit == story.visit


def test_ids_rise_by_one_and_continue_after_the_highest_imported(store: Store) -> None:
    new_ids = [add_story(store).id, add_story(store).id]
    import_story(store, stages.Coding(), number=StoryId(57))
    import_story(store, stages.Backlog(), number=StoryId(9))
    with store.reading() as db:
        used = stories.numbers_in_use(db, [StoryId(1), StoryId(3), StoryId(9), StoryId(57), StoryId(58)])
    assert (new_ids, add_story(store).id, used) == ([1, 2], 58, (1, 9, 57))


def test_an_id_that_was_not_committed_is_used_again(store: Store) -> None:
    add_story(store)
    for _ in range(2):
        with pytest.raises(KeyError):
            add_and_fail(store)
    assert add_story(store).id == 2


def add_and_fail(store: Store) -> None:
    with store.exclusive() as db:
        stories.add(db, StoryDraft("Lost"), stages.Backlog(), actor="user:test", now=NOW)
        raise KeyError


def test_stories_are_found_by_their_stage_oldest_first(store: Store) -> None:
    for stage in (*STAGES.values(), *STAGES.values()):
        import_story(store, stage)
    with store.reading() as db:
        result = stories.in_stages(db, [StageName.QA, StageName.CODING])
        open_ones = stories.open_stories(db)
        assert stories.in_stages(db, []) == ()
    assert [(story.id, story.stage.name.value) for story in result] == [
        (2, "coding"),
        (3, "qa"),
        (15, "coding"),
        (16, "qa"),
    ]
    assert [story.id for story in open_ones] == [*range(1, 10), *range(14, 23)]
    assert not any(story.is_terminal for story in open_ones)


def test_done_stories_are_found_by_the_time_of_the_merge(store: Store) -> None:
    for number in (3, 1, 2):
        import_story(store, stages.Done(f"2026-03-01T12:00:0{number}.000Z", "c0ffee"), number=StoryId(number))
    apply_to_story(store, 1, events.Accept("2026-03-01T12:00:09.000Z"))
    with store.reading() as db:
        result = stories.done_before(db, NOW.replace(second=3))
    assert result == (2,)


def test_the_members_of_an_epic_and_the_open_epics_are_found(store: Store) -> None:
    epic = replace(FULL, type=StoryType.EPIC, epic=None, depends_on=())
    for _ in range(2):
        add_story(store, draft=epic)
    apply_to_story(store, 1, events.Abandon("no"))
    add_story(store, draft=replace(FULL, epic=StoryId(2), depends_on=()))
    with store.reading() as db:
        result = (
            [story.id for story in stories.members(db, StoryId(2))],
            [story.id for story in stories.open_epics(db)],
        )
    assert result == ([3], [2])


def test_a_story_that_does_not_exist_is_not_found(store: Store) -> None:
    with store.reading() as db:
        assert stories.find(db, StoryId(7)) is None
        with pytest.raises(HuskiesError, match="there is no story 7") as refused:
            stories.load(db, StoryId(7))
    assert refused.value.code == "not_found"


def test_stories_are_counted_by_stage(store: Store) -> None:
    for stage in (stages.Coding(), stages.Coding(), STAGES["done"]):
        import_story(store, stage)
    with store.reading() as db:
        assert stories.count_by_stage(db) == {StageName.CODING: 2, StageName.DONE: 1}
