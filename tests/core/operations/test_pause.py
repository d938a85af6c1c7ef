"""Pauses: starts of agents, the board and explain."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.ids import Seq, StoryId
from huskies_core.operations.agents import start_agent
from huskies_core.operations.board import State, read_board
from huskies_core.operations.explain import explain
from huskies_core.operations.pause import pause_starting, resume_starting
from huskies_core.operations.runs import kill_run
from huskies_core.passes.auto_assign import AUTO_ASSIGN, plan
from huskies_core.passes.due import is_due
from huskies_core.passes.pass_runner import run_pass
from huskies_core.passes.story_steps import BeginRun
from huskies_core.pipeline.stages import Coding, Merge
from huskies_core.runs.start import start_run
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import journal, pauses
from support.contexts import Clock, agent_toml, opened
from support.stories import import_story


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with opened(tmp_path / "repo", Clock(), agents_toml=agent_toml(command=("sleep", "60"))) as context:
        yield context


def planned(context: Context) -> list[tuple[str, int | None]]:
    with context.store.reading() as db:
        return [(action.verb.value, action.story) for action in plan(take_snapshot(context, db))]


def rows(context: Context) -> list[str]:
    with context.store.reading() as db:
        return [f"{row.event} {row.actor}" for row in journal.entries_after(db, Seq(0)) if row.story is None]


def test_a_pause_stops_agents_but_not_gates_and_merges(context: Context) -> None:
    import_story(context.store, Coding())
    import_story(context.store, Merge("feature/story-2", 1), number=StoryId(2))
    assert planned(context) == [("start_run", 1), ("start_merge", 2)]
    pause_starting(context, "the night")
    assert planned(context) == [("start_merge", 2)]
    resume_starting(context)
    assert planned(context) == [("start_run", 1), ("start_merge", 2)]


def test_a_second_pause_and_a_second_resume_change_nothing(context: Context) -> None:
    first = pause_starting(context, "the night")
    assert pause_starting(context, "the day") == first
    assert resume_starting(context) == first
    assert resume_starting(context) is None
    assert rows(context)[-2:] == [f"paused {context.actor}", f"resumed {context.actor}"]


def test_a_start_that_was_planned_before_the_pause_is_refused(context: Context) -> None:
    import_story(context.store, Coding())
    with context.store.reading() as db:
        (step,) = plan(take_snapshot(context, db))
    pause_starting(context)
    assert isinstance(step, BeginRun)
    with pytest.raises(Overtaken) as raised:
        start_run(context, step.request, context.now())
    assert raised.value.code == "paused"


@pytest.mark.usefixtures("processes")
def test_a_person_may_start_an_agent_during_a_pause(context: Context) -> None:
    import_story(context.store, Coding())
    pause_starting(context)
    run = start_agent(context, StoryId(1))
    assert run.agent == "ann"
    kill_run(context, run.id)


def test_explain_and_the_board_name_the_pause(context: Context) -> None:
    import_story(context.store, Coding())
    pause = pause_starting(context, "the\nnight")
    explanation = explain(context, StoryId(1))
    detail = f"{pause.by} paused the start of agents at {pause.since}: the night"
    assert [(blocker.rule, blocker.detail, blocker.command) for blocker in explanation.blockers] == [
        ("paused", detail, "huskies resume")
    ]
    assert explanation.next == "you: huskies resume"
    board = read_board(context)
    assert [(card.state, card.why) for cards in board.stages.values() for card in cards] == [
        (State.THROTTLED, detail)
    ]
    assert board.limits is not None
    assert board.limits.pause == pause


def test_resuming_wakes_auto_assign(context: Context) -> None:
    state = str(context.project.state_dir)
    run_pass(context, AUTO_ASSIGN)
    pause_starting(context)
    run_pass(context, AUTO_ASSIGN)
    with context.store.reading() as db:
        head = journal.head(db)
        assert pauses.get(db) is not None
    resume_starting(context)
    with context.store.reading() as db:
        assert journal.head(db) == head + 1
    assert is_due(state)


def test_a_reason_that_is_not_utf8_is_refused(context: Context) -> None:
    with pytest.raises(HuskiesError) as raised:
        pause_starting(context, "\udc80")
    assert raised.value.code == "invalid_text"
