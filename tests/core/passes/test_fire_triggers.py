"""Each trigger sees each transition once; a trigger that causes itself is suspended."""

import pytest
from msgspec.structs import replace

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.ids import Seq, StoryId, TriggerId
from huskies_core.passes import pass_sequence
from huskies_core.passes.executions import FIRE_TRIGGERS, MOST_DEPTH, MOST_IN_AN_HOUR
from huskies_core.passes.pass_runner import run_pass
from huskies_core.pipeline.events import Abandon, Block, Demote, Start, Unblock
from huskies_core.pipeline.stages import Archived, ArchiveReason, StageName
from huskies_core.store import executions, journal, stories, transitions, triggers
from huskies_core.store.actions import TaskPrompt
from huskies_core.store.executions import ExecutionClaim
from huskies_core.store.journal import JournalEntry, JournalKind
from huskies_core.store.stories import StoryType
from huskies_core.store.triggers import Predicate, Trigger, TriggerDraft, TriggerMode, TriggerState
from support.contexts import Clock
from support.stories import DRAFT, NOW, add_story, apply_to_story, import_story, load_story

ONCE, EACH = TriggerMode.ONCE, TriggerMode.PERSISTENT
LOOK = TaskPrompt("Look at it")


def add(context: Context, predicate: Predicate, mode: TriggerMode = EACH) -> Trigger:
    with context.store.exclusive() as db:
        return triggers.add(db, TriggerDraft(predicate, LOOK, mode), actor="user:test", now=context.now())


def run_due(context: Context) -> list[tuple[str, int | None, str]]:
    report = run_pass(context, FIRE_TRIGGERS)
    return [(result.step.verb.value, result.step.story, result.detail) for result in report.results]


def state_of(context: Context, number: int = 1) -> tuple[TriggerState, int, str]:
    with context.store.reading() as db:
        trigger = triggers.load(db, TriggerId(number))
    return trigger.state, trigger.fired, trigger.problem


def tasks(context: Context) -> list[int]:
    with context.store.reading() as db:
        every = stories.in_stages(db, set(StageName))
    return [story.id for story in every if story.draft.type is StoryType.TASK]


def last(context: Context) -> JournalEntry:
    with context.store.reading() as db:
        return journal.load(db, journal.head(db))


def test_a_trigger_sees_only_later_transitions(context: Context) -> None:
    add_story(context.store)
    apply_to_story(context.store, 1, Start())
    add(context, Predicate(after="coding"))
    before = run_due(context)
    apply_to_story(context.store, 1, Demote())
    apply_to_story(context.store, 1, Start())
    assert (before, run_due(context)) == (
        [],
        [
            ("fire_trigger", 1, "trigger 1: prompt, after start of story 1"),
            ("create_task", 2, "created by trigger 1"),
            # The task itself moved to coding, too.
            *[entry for number in range(2, 2 + MOST_DEPTH - 1) for entry in fired_on(number)],
            ("fire_trigger", 6, f"trigger 1 is suspended: {DEPTH}"),
        ],
    )


DEPTH = f"depth {MOST_DEPTH}: the transition follows from {MOST_DEPTH} executions, each caused by the last"


def fired_on(story: int) -> list[tuple[str, int, str]]:
    return [
        ("fire_trigger", story, f"trigger 1: prompt, after start of story {story}"),
        ("create_task", story + 1, "created by trigger 1"),
    ]


def test_mode_once_runs_once_even_if_more_transitions_match(context: Context) -> None:
    add(context, Predicate(after="coding"), ONCE)
    for number in (1, 2):
        add_story(context.store)
        apply_to_story(context.store, number, Start())
    first, second = run_due(context), run_due(context)
    assert ([verb for verb, *_ in first], second) == (["fire_trigger", "create_task"], [])
    assert (state_of(context), tasks(context)) == ((TriggerState.FIRED, 1, ""), [3])


def test_the_task_names_its_trigger_and_the_story_that_moved(context: Context) -> None:
    add(context, Predicate(event="block"))
    add_story(context.store)
    apply_to_story(context.store, 1, Block("no"))
    run_due(context)
    task = load_story(context.store, 2)
    (criterion,) = task.draft.criteria
    assert (task.draft.title, criterion.text, task.stage.name) == (
        "Look at it",
        "The request of trigger 1 after block of story 1 is done.",
        StageName.CODING,
    )
    with context.store.reading() as db:
        (row,) = [entry for entry in journal.entries_after(db, Seq(0)) if entry.event == "fired"]
    assert (row.actor, row.story, row.detail["cause"], row.detail["depth"]) == ("trigger:1", 1, 3, 1)


ENTRY = JournalEntry(
    Seq(9), "", JournalKind.TRANSITION, StoryId(12), "qa_passed", "qa", "merge", "user:test", {}
)


@pytest.mark.parametrize(
    ("predicate", "is_met"),
    [
        (Predicate(), True),
        (Predicate(story="12"), True),
        (Predicate(story="1"), False),
        (Predicate(story="1*"), True),
        (Predicate(label="release"), True),
        (Predicate(label="rel*"), True),
        (Predicate(label="Release"), False),
        (Predicate(label="hotfix"), False),
        (Predicate(type="story"), True),
        (Predicate(type="bug"), False),
        (Predicate(event="qa_*"), True),
        (Predicate(before="qa", after="merge"), True),
        (Predicate(before="qa", after="coding"), False),
        (Predicate(after="merge_*"), False),
    ],
)
def test_every_pattern_of_a_trigger_must_match(
    context: Context, predicate: Predicate, *, is_met: bool
) -> None:
    story = add_story(context.store, draft=replace(DRAFT, labels=("ui", "release")))
    assert predicate.is_met(ENTRY, replace(story, id=StoryId(12))) is is_met


def test_a_late_cursor_runs_no_trigger_twice(context: Context) -> None:
    """A crash between the claims and the move of the cursor leaves a late cursor."""
    add(context, Predicate(event="block"))
    add_story(context.store)
    apply_to_story(context.store, 1, Block("no"))
    run_due(context)
    with context.store.exclusive() as db:
        db.execute("DELETE FROM cursors WHERE name = 'fire-triggers'")
    assert (run_due(context), state_of(context)) == ([], (TriggerState.ARMED, 1, ""))


def test_a_chain_goes_through_runs_and_passes_and_ends_with_a_person(context: Context) -> None:
    add(context, Predicate(event="block"), ONCE)
    add_story(context.store)
    apply_to_story(context.store, 1, Block("no"))
    run_due(context)
    depths = []
    for actor, event in (("pass:watchdog", Block("no")), ("user:ada", Unblock()), ("run:1", Abandon("no"))):
        with context.store.exclusive() as db:
            transitions.apply_event(
                db, StoryId(2), event, visit=stories.load(db, StoryId(2)).visit, actor=actor, now=NOW
            )
        depths.append(last(context).detail.get("depth"))
    assert depths == [1, None, None]


def add_busy_trigger(context: Context, clock: Clock) -> None:
    """Add a story, and a trigger that has just run as often as it may within an hour."""
    trigger = add(context, Predicate(event="block"))
    add_story(context.store)
    with context.store.exclusive() as db:
        for cause in range(1000, 1000 + MOST_IN_AN_HOUR):
            made = executions.claim(db, ExecutionClaim(trigger.source, LOOK, 1, Seq(cause)), now=clock.now)
            executions.end(db, made, executions.ExecutionStatus.DONE, "", now=clock.now)


def test_the_sixty_first_execution_within_an_hour_suspends_the_trigger(
    context: Context, clock: Clock
) -> None:
    add_busy_trigger(context, clock)
    apply_to_story(context.store, 1, Block("no"))
    run_due(context)
    why = f"rate: it ran {MOST_IN_AN_HOUR} times within an hour"
    assert (state_of(context), tasks(context)) == ((TriggerState.SUSPENDED, 0, why), [])
    assert (last(context).event, last(context).detail["reason"]) == ("suspended", why)


def test_the_trigger_runs_again_an_hour_later(context: Context, clock: Clock) -> None:
    add_busy_trigger(context, clock)
    clock.pass_by(hours=1)
    apply_to_story(context.store, 1, Block("no"))
    run_due(context)
    assert state_of(context) == (TriggerState.ARMED, 1, "")


@pytest.mark.usefixtures("processes")
def test_without_triggers_the_pass_is_never_due(context: Context) -> None:
    add_story(context.store)
    apply_to_story(context.store, 1, Start())
    assert FIRE_TRIGGERS.name not in [report.name for report in pass_sequence.tick(context)]


@pytest.mark.usefixtures("processes")
def test_a_tick_compares_new_transitions_and_is_then_not_due(context: Context) -> None:
    add(context, Predicate(event="block"), EACH)
    add_story(context.store)
    apply_to_story(context.store, 1, Block("no"))
    ran = [[report.name for report in pass_sequence.tick(context)] for _ in range(2)]
    assert [FIRE_TRIGGERS.name in names for names in ran] == [True, False]
    assert state_of(context) == (TriggerState.ARMED, 1, "")


def test_an_action_may_use_variables_of_the_transition(context: Context) -> None:
    """Variables are replaced once: a title that looks like a variable is not replaced."""
    add_story(context.store, "{{event}} me")
    with context.store.exclusive() as db:
        look = TaskPrompt("Look at {{story_id}} ({{story_title}}): {{event}} from {{from}} to {{ to }}")
        triggers.add(
            db, TriggerDraft(Predicate(event="start"), look, ONCE), actor="user:test", now=context.now()
        )
    apply_to_story(context.store, 1, Start())
    run_due(context)
    task = load_story(context.store, tasks(context)[0])
    assert task.draft.description == "Look at 1 ({{event}} me): start from backlog to coding"


def test_an_empty_prompt_makes_a_task_with_a_title(context: Context) -> None:
    """An imported story has no stage before."""
    with context.store.exclusive() as db:
        nothing = TriggerDraft(Predicate(event="imported"), TaskPrompt("{{from}}"), ONCE)
        triggers.add(db, nothing, actor="user:test", now=context.now())
    import_story(context.store, Archived(to_iso(NOW), ArchiveReason.COMPLETED))
    run_due(context)
    task = load_story(context.store, tasks(context)[0])
    assert task.draft.title == "The request of trigger 1 after imported of story 1 is done."
