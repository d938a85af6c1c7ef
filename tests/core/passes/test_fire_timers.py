"""Due timers run once; interrupted tool calls are reported."""

import json
from datetime import timedelta

import pytest

from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.ids import ExecutionId, Seq, StoryId, TimerId
from huskies_core.passes import pass_sequence
from huskies_core.passes.due import is_due
from huskies_core.passes.executions import FIRE_TIMERS, directory_of
from huskies_core.passes.pass_runner import run_pass
from huskies_core.passes.steps import PassReport
from huskies_core.pipeline.stages import StageName
from huskies_core.schedules import Every, Once, Schedule
from huskies_core.store import executions, journal, stories, timers
from huskies_core.store.actions import Action, TaskPrompt, ToolCall
from huskies_core.store.executions import ExecutionClaim, ExecutionStatus
from huskies_core.store.timers import CatchUp, Timer, TimerDraft, TimerState
from huskies_core.supervisor.run_directory import is_alive
from support.contexts import Clock
from support.waiting import wait_until

TASK = TaskPrompt("Bring the notes up to date\n\nAll of them.")
CALL = ToolCall("create_story", json.dumps({"title": "By a timer", "type": "task"}))
HOUR = Every(3600)


def add(
    context: Context,
    action: Action = TASK,
    schedule: Schedule | None = None,
    *,
    catch_up: CatchUp = CatchUp.ONCE,
) -> Timer:
    """Add a timer that is due in a minute."""
    first = context.now() + timedelta(minutes=1)
    draft = TimerDraft(action, schedule or Once(), first, "notes", catch_up)
    with context.store.exclusive() as db:
        return timers.add(db, draft, actor="user:test", now=context.now())


def run_due(context: Context) -> list[tuple[str, int | None, str]]:
    return results_of(run_pass(context, FIRE_TIMERS))


def results_of(report: PassReport) -> list[tuple[str, int | None, str]]:
    return [(result.step.verb.value, result.step.story, result.detail) for result in report.results]


def state(context: Context, number: int = 1) -> tuple[TimerState, str]:
    with context.store.reading() as db:
        timer = timers.load(db, TimerId(number))
    return timer.state, timer.problem


def titles(context: Context) -> list[str]:
    with context.store.reading() as db:
        return [story.draft.title for story in stories.in_stages(db, set(StageName))]


def rows(context: Context) -> list[tuple[str, str, int | None]]:
    with context.store.reading() as db:
        entries = journal.entries_after(db, Seq(0))
    return [(entry.event, entry.actor, entry.detail.get("depth")) for entry in entries]


def ended(context: Context, number: int = 1) -> ExecutionStatus | None:
    """Return the end of an execution after its process has ended."""
    with context.store.reading() as db:
        execution = executions.load(db, ExecutionId(number))
    assert execution is not None
    alive = execution.status is ExecutionStatus.OPEN or is_alive(directory_of(context, execution))
    return None if alive else execution.status


def test_before_its_time_a_timer_does_nothing(context: Context) -> None:
    add(context)
    assert (run_due(context), state(context)) == ([], (TimerState.ARMED, ""))


def test_a_prompt_becomes_a_coding_task_that_names_its_timer(context: Context, clock: Clock) -> None:
    add(context)
    clock.pass_by(minutes=5)
    first, second = run_due(context), run_due(context)
    with context.store.reading() as db:
        story = stories.load(db, StoryId(1))
    entries = (story.draft.type, story.draft.title, story.draft.description, story.stage.name)
    assert (first, second) == (
        [("fire_timer", None, "timer 1 (notes): prompt"), ("create_task", 1, "created by timer 1")],
        [],
    )
    assert entries == ("task", "Bring the notes up to date", TASK.text, StageName.CODING)
    assert [result.text for result in story.draft.criteria] == ["The request of timer 1 (notes) is done."]
    assert state(context) == (TimerState.FIRED, "")
    assert rows(context) == [
        ("created", "user:test", None),
        ("fired", "timer:1", 1),
        ("created", "timer:1", 1),
        ("start", "timer:1", 1),
        ("done", "timer:1", 1),
    ]


def test_a_tool_call_runs_in_its_own_process_with_the_timer_as_actor(context: Context, clock: Clock) -> None:
    add(context, CALL)
    clock.pass_by(minutes=5)
    run_due(context)
    assert wait_until(lambda: ended(context), 30) is ExecutionStatus.DONE
    assert (titles(context), state(context)) == (["By a timer"], (TimerState.FIRED, ""))
    assert rows(context)[1:] == [("fired", "timer:1", 1), ("created", "timer:1", 1), ("done", "timer:1", 1)]
    assert not context.project.execution_dir(1).exists()


def test_a_tool_call_that_fails_is_kept_with_its_timer(context: Context, clock: Clock) -> None:
    add(context, ToolCall("start_story", '{"id": 7}'))
    clock.pass_by(minutes=5)
    run_due(context)
    assert wait_until(lambda: ended(context), 30) is ExecutionStatus.FAILED
    assert state(context) == (TimerState.FIRED, "failed: tool start_story: there is no story 7")


def test_a_recurring_timer_keeps_its_phase_and_runs_once_for_all_missed_times(
    context: Context, clock: Clock
) -> None:
    timer = add(context, schedule=HOUR)
    clock.pass_by(hours=5, minutes=30)
    run_due(context)
    with context.store.reading() as db:
        assert timers.load(db, TimerId(1)).fire_at == timer.fire_at + timedelta(hours=6)
    assert len(titles(context)) == 1


def test_catch_up_none_skips_missed_times(context: Context, clock: Clock) -> None:
    timer = add(context, schedule=HOUR, catch_up=CatchUp.NONE)
    clock.pass_by(hours=5, minutes=30)
    skipped = run_due(context)
    clock.pass_by(minutes=32)
    run_due(context)
    with context.store.reading() as db:
        assert timers.load(db, TimerId(1)).fire_at == timer.fire_at + timedelta(hours=7)
    assert (skipped, len(titles(context))) == (
        [("fire_timer", None, "timer 1 (notes): prompt: missed, and skipped")],
        1,
    )


def test_one_bad_timer_does_not_stop_the_others(context: Context, clock: Clock) -> None:
    add(context)
    add(context)
    clock.pass_by(minutes=5)
    with context.store.exclusive() as db:
        db.execute("UPDATE timers SET action = '{\"prompt\": 7}' WHERE id = 1")
    outcomes = [
        result.outcome.value for result in run_pass(context, FIRE_TIMERS).results if result.step.story is None
    ]
    assert (outcomes[:2], len(titles(context))) == (["failed", "done"], 1)


def test_a_tool_call_with_a_dead_process_is_reported_and_not_repeated(context: Context, clock: Clock) -> None:
    timer = add(context, CALL)
    with context.store.exclusive() as db:
        timers.move_on(db, timer, None)
        executions.claim(db, ExecutionClaim(timer.source, CALL, 1), now=context.now())
    clock.pass_by(minutes=5)
    first, second = run_due(context), run_due(context)
    assert (first, second) == (
        [("end_firing", None, "timer:1: tool create_story was interrupted")],
        [],
    )
    assert state(context) == (TimerState.INTERRUPTED, "interrupted: tool create_story")
    assert (titles(context), rows(context)[-1]) == ([], ("interrupted", "timer:1", 1))


@pytest.mark.parametrize("action", [TASK, CALL])
def test_a_dry_run_plans_and_changes_nothing(context: Context, clock: Clock, action: Action) -> None:
    add(context, action)
    clock.pass_by(minutes=5)
    report = run_pass(context, FIRE_TIMERS, dry_run=True)
    assert ([result.outcome.value for result in report.results], state(context)[0]) == (
        ["planned"],
        TimerState.ARMED,
    )


def test_a_timer_makes_a_tick_due_at_its_time_and_an_open_call_when_it_has_died(
    context: Context, clock: Clock
) -> None:
    clock.now = utc_now() - timedelta(seconds=59)
    for _ in range(3):
        pass_sequence.tick(context)
    folder = str(context.project.state_dir)
    timer = add(context, CALL)
    with context.store.exclusive() as db:
        timers.cancel(db, timer, actor="user:test", now=context.now())
        executions.claim(db, ExecutionClaim(timer.source, CALL, 1), now=context.now())
    clock.now = utc_now()
    reports = pass_sequence.tick(context)
    assert "end_firing" in [result.step.verb.value for report in reports for result in report.results]
    for _ in range(3):
        pass_sequence.tick(context)
    quiet = is_due(folder)
    clock.now -= timedelta(minutes=2)
    add(context)
    clock.now = utc_now()
    assert (quiet, is_due(folder)) == (False, True)
