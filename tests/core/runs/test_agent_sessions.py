"""Which session an agent goes on with: its own, and none that cannot be gone on with."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from huskies_core.config.records import Agent, AgentStage
from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.pipeline.events import GatesFailed, QaRejected, QaRequested, Start
from huskies_core.runs import agent_sessions
from huskies_core.runs.end import end_if_dead
from huskies_core.store import content, runs, stories
from huskies_core.store.runs import Outcome, Report, RunClaim, RunKind
from huskies_core.supervisor.liveness import take_lock
from huskies_core.supervisor.records import Progress
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.spec import Limits, RunSpec
from support.contexts import Clock, opened
from support.stories import NOW, add_story, fire_event

ANN = Agent("ann", AgentStage.CODER, "claude-code", "opus")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Open a project with one story in coding."""
    with opened(tmp_path / "repo", Clock()) as context:
        add_story(context.store)
        fire_event(context.store, 1, Start())
        yield context


def had(
    context: Context,
    session: str | None,
    outcome: Outcome = Outcome.COMPLETED,
    *,
    turns: int = 3,
    kind: RunKind = RunKind.CODER,
) -> None:
    """Record an ended run of ann with `session`."""
    with context.store.exclusive() as db:
        wanted = RunClaim(StoryId(1), kind, stories.load(db, 1).visit, ANN.name, ANN.runtime, ANN.model)
        run = runs.claim(db, wanted, actor="test", now=NOW)
        runs.end(db, run.id, Report(outcome), actor="test", now=NOW)
        agent_sessions.remember(db, run, session, outcome, turns=turns, now=NOW)


def resumed(context: Context, agent: Agent = ANN, kind: RunKind = RunKind.CODER) -> str | None:
    with context.store.reading() as db:
        return agent_sessions.session_to_resume(stories.load(db, 1), kind, agent, content.of_story(db, 1))


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.CRASHED, Outcome.LIMIT, Outcome.RATE_LIMITED])
def test_an_agent_goes_on_with_its_session_whatever_became_of_the_run(
    context: Context, outcome: Outcome
) -> None:
    had(context, "s1", outcome)
    fire_event(context.store, 1, GatesFailed("red"))
    assert resumed(context) == "s1"


def test_another_agent_another_model_and_a_program_without_sessions_begin_anew(context: Context) -> None:
    had(context, "s1")
    others = [replace(ANN, name="bob"), replace(ANN, model="sonnet"), replace(ANN, runtime="command")]
    assert [resumed(context, other) for other in others] == [None] * 3
    assert resumed(context, kind=RunKind.MERGEMASTER) is None


def test_a_session_that_its_program_does_not_know_any_more_is_begun_anew(context: Context) -> None:
    had(context, "s1")
    had(context, None, Outcome.FAILED, turns=0)
    assert resumed(context) is None
    had(context, "s2")
    had(context, "s2", Outcome.FAILED, turns=0)
    assert resumed(context) is None


def test_a_crash_before_the_session_is_reported_keeps_the_session_before(context: Context) -> None:
    had(context, "s1")
    had(context, None, Outcome.CRASHED, turns=0)
    assert resumed(context) == "s1"


@pytest.mark.parametrize("told", [None, Progress(), Progress(session_id="s1")])
def test_a_session_that_a_supervisor_took_with_it_is_in_the_output(
    context: Context, told: Progress | None
) -> None:
    """The supervisor writes its progress once a second, and was killed in between."""
    agent = replace(ANN, runtime="codex")
    with context.store.exclusive() as db:
        wanted = RunClaim(
            StoryId(1), RunKind.CODER, stories.load(db, 1).visit, agent.name, agent.runtime, agent.model
        )
        run = runs.claim(db, wanted, actor="test", now=NOW)
    directory = RunDirectory(context.project.run_dir(run.id))
    lock = take_lock(directory)
    assert lock is not None
    os.close(lock)
    spec = RunSpec(
        run.id, str(context.project.root), (), {}, Limits(), "huskies_core.runtimes.codex", ("true",)
    )
    Path(directory.spec).write_text(spec.to_json())
    Path(directory.output).write_text('{"type": "thread.started", "thread_id": "s1"}\n{"type": "turn.st')
    if told is not None:
        Path(directory.progress).write_text(json.dumps(asdict(told)))
    assert end_if_dead(context, run, NOW)
    assert resumed(context, agent) == "s1"


def test_qa_goes_on_within_a_visit_and_judges_new_work_afresh(context: Context) -> None:
    fire_event(context.store, 1, QaRequested())
    had(context, "q1", kind=RunKind.QA)
    within = resumed(context, kind=RunKind.QA)
    fire_event(context.store, 1, QaRejected("no"))
    fire_event(context.store, 1, QaRequested())
    assert (within, resumed(context, kind=RunKind.QA)) == ("q1", None)
