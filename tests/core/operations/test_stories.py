"""New and changed stories. A refused call changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations import moves
from huskies_core.operations.stories import create, replace_draft, update_story
from huskies_core.pipeline.stages import Backlog, Coding
from huskies_core.qa_mode import QaMode
from huskies_core.store import journal, stories
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Criterion, StoryDraft, StoryType
from support.drafts import draft

AsRun = Callable[[int, RunKind], Context]
ODD = "--flag ../../x 😀 \x1b[31mred\x07\r\n" + "long " * 2000


def head(context: Context) -> int:
    with context.store.reading() as db:
        return journal.head(db)


def test_a_story_is_added_to_the_backlog_unchanged(context: Context) -> None:
    new = draft("--help 😀", description=ODD, labels=("ui", "ui"), qa=QaMode.HUMAN, agent="opus", priority=-3)
    added = create(context, new)
    kept = draft("--help 😀", description=ODD, labels=("ui",), qa=QaMode.HUMAN, agent="opus", priority=-3)
    assert (added.id, added.stage, added.draft) == (1, Backlog(), kept)


def test_a_story_that_is_started_at_once_is_coded(context: Context) -> None:
    added = create(context, draft(), start=True)
    assert (added.stage, added.entered_by) == (Coding(), "start")


def test_a_story_that_cannot_be_started_at_once_is_not_added(context: Context) -> None:
    create(context, draft())
    with pytest.raises(HuskiesError, match=r"^story 2 waits for 1 \(backlog\)$"):
        create(context, draft(depends_on=(1,)), start=True)
    with context.store.reading() as db:
        assert stories.find(db, StoryId(2)) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"title": " "}, ("invalid_title", "title")),
        ({"title": "two\nlines"}, ("invalid_title", "title")),
        ({"title": "bell\x07"}, ("invalid_title", "title")),
        ({"title": "x" * 201}, ("invalid_title", "title")),
        ({"title": "\udc80"}, ("invalid_text", "title")),
        ({"description": "nul\0"}, ("invalid_text", "description")),
        ({"criteria": ()}, ("missing_criterion", "criteria")),
        ({"criteria": (Criterion(" "),)}, ("invalid_criterion", "criteria")),
        ({"depends_on": (9,)}, ("unknown_dependency", "depends_on")),
        ({"epic": 9}, ("unknown_epic", "epic")),
        ({"epic": 1}, ("not_an_epic", "epic")),
        ({"agent": "a\nb"}, ("invalid_agent", "agent")),
        ({"labels": ("a,b",)}, ("invalid_label", "labels")),
        ({"labels": (" a",)}, ("invalid_label", "labels")),
        ({"priority": 1_000_001}, ("invalid_priority", "priority")),
    ],
)
def test_an_invalid_field_is_refused_by_name(
    context: Context, fields: dict[str, Any], expected: tuple[str, str]
) -> None:
    create(context, draft())
    before = head(context)
    with pytest.raises(HuskiesError) as refusal:
        create(context, draft(**fields))
    assert ((refusal.value.code, refusal.value.subject), head(context)) == (expected, before)


@pytest.mark.parametrize("kind", [kind for kind in StoryType if kind is not StoryType.STORY])
def test_only_a_story_needs_a_criterion(context: Context, kind: StoryType) -> None:
    assert create(context, StoryDraft("Look into it", type=kind)).draft.criteria == ()


def test_a_circle_of_dependencies_is_refused(context: Context) -> None:
    create(context, draft())
    create(context, draft(depends_on=(1,)))
    create(context, draft(depends_on=(2,)))
    with pytest.raises(HuskiesError) as refusal:
        update_story(context, StoryId(1), depends_on=(3,))
    assert (refusal.value.code, refusal.value.subject) == ("dependency_cycle", "depends_on")
    assert refusal.value.message == "story 1 would wait for itself: 1 → 3 → 2 → 1"
    with context.store.reading() as db:
        assert stories.load(db, StoryId(1)).draft.depends_on == ()


def test_a_story_cannot_depend_on_itself(context: Context) -> None:
    create(context, draft())
    with pytest.raises(HuskiesError, match="1 → 1"):
        update_story(context, StoryId(1), depends_on=(1,))


def test_a_member_cannot_wait_for_its_epic(context: Context) -> None:
    create(context, StoryDraft("All of it", type=StoryType.EPIC))
    with pytest.raises(HuskiesError, match="2 → 1 → 2"):
        create(context, draft(epic=1, depends_on=(1,)))


def test_an_epic_cannot_depend_on_its_members(context: Context) -> None:
    create(context, StoryDraft("All of it", type=StoryType.EPIC))
    create(context, draft(epic=1))
    with pytest.raises(HuskiesError) as refusal:
        update_story(context, StoryId(1), depends_on=(2,))
    assert refusal.value.code == "dependency_cycle"


def test_an_epic_with_members_stays_one(context: Context) -> None:
    create(context, StoryDraft("All of it", type=StoryType.EPIC))
    create(context, draft(epic=1))
    with pytest.raises(HuskiesError, match="has members"):
        update_story(context, StoryId(1), type=StoryType.TASK)


def test_a_started_story_cannot_become_an_epic(context: Context) -> None:
    create(context, draft(), start=True)
    with pytest.raises(HuskiesError, match="only a story in backlog"):
        update_story(context, StoryId(1), type=StoryType.EPIC)


def test_single_fields_are_set_and_emptied(context: Context) -> None:
    create(context, draft(agent="opus", labels=("a", "b")))
    done = update_story(
        context,
        StoryId(1),
        title="New",
        add_criteria=("More",),
        check=(1, 2),
        uncheck=(1,),
        priority=4,
        clear=("agent",),
    )
    criteria = (Criterion("It is shown"), Criterion("More", checked=True))
    assert done.changed
    assert done.story.draft == draft("New", criteria=criteria, priority=4, labels=("a", "b"))


def test_a_repeated_update_changes_nothing(context: Context) -> None:
    create(context, draft())
    update_story(context, StoryId(1), check=(1,))
    before = head(context)
    assert (update_story(context, StoryId(1), check=(1,)).changed, head(context)) == (False, before)


def test_a_missing_criterion_cannot_be_checked(context: Context) -> None:
    create(context, draft())
    with pytest.raises(HuskiesError) as refusal:
        update_story(context, StoryId(1), check=(0,))
    assert (refusal.value.code, refusal.value.subject) == ("unknown_criterion", "criteria")


def test_an_editor_does_not_overwrite_later_changes(context: Context) -> None:
    original = create(context, draft()).draft
    update_story(context, StoryId(1), check=(1,))
    with pytest.raises(HuskiesError) as refusal:
        replace_draft(context, StoryId(1), draft("Mine"), expected=original)
    assert refusal.value.code == "edited_meanwhile"


def test_an_agent_updates_its_own_story(context: Context, as_run: AsRun) -> None:
    create(context, draft(), start=True)
    done = update_story(as_run(1, RunKind.CODER), StoryId(1), check=(1,))
    assert done.story.draft.criteria == (Criterion("It is shown", checked=True),)


@pytest.mark.parametrize("change", [{"qa": QaMode.SERVER}, {"type": StoryType.SPIKE}, {"clear": ("qa",)}])
def test_an_agent_cannot_change_how_it_is_judged(
    context: Context, as_run: AsRun, change: dict[str, Any]
) -> None:
    create(context, draft(), start=True)
    with pytest.raises(HuskiesError) as refusal:
        update_story(as_run(1, RunKind.CODER), StoryId(1), **change)
    assert refusal.value.code == "inside_a_run"


def test_an_agent_cannot_change_other_stories(context: Context, as_run: AsRun) -> None:
    create(context, draft(), start=True)
    create(context, draft())
    inside = as_run(1, RunKind.CODER)
    for act in (
        lambda: update_story(inside, StoryId(2), check=(1,)),
        lambda: create(inside, draft()),
        lambda: moves.start_story(inside, StoryId(2)),
        lambda: moves.close_story(inside, StoryId(1), reason="done"),
    ):
        with pytest.raises(HuskiesError) as refusal:
            act()
        assert refusal.value.code == "inside_a_run"
