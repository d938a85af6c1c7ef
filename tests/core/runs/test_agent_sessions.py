"""An agent resumes its own session while its program still has it."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from msgspec.structs import replace

from huskies_core.config.records import Agent, AgentStage
from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.pipeline.events import GatesFailed, QaRejected, QaRequested, Start
from huskies_core.runs import agent_sessions
from huskies_core.runs.end import end_if_dead
from huskies_core.store import content, runs, stories
from huskies_core.store.runs import Outcome, Report, RunClaim, RunKind
from huskies_core.supervisor.records import Limits, Progress, RunSpec
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.contexts import Clock, opened
from support.stories import NOW, add_story, apply_to_story

ANN = Agent("ann", AgentStage.CODER, "claude-code", "opus")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Open a project with one story in coding."""
    with opened(tmp_path / "repo", Clock()) as context:
        add_story(context.store)
        apply_to_story(context.store, 1, Start())
        yield context


def record_run(
    context: Context,
    session: str | None,
    outcome: Outcome = Outcome.COMPLETED,
    *,
    turns: int = 3,
    kind: RunKind = RunKind.CODER,
) -> None:
    """Record an ended run of ann with `session`."""
    with context.store.exclusive() as db:
        new_run = RunClaim(
            StoryId(1), kind, stories.load(db, StoryId(1)).visit, ANN.name, ANN.runtime, ANN.model
        )
        run = runs.claim(db, new_run, actor="test", now=NOW)
        runs.end(db, run.id, Report(outcome), actor="test", now=NOW)
        progress = Progress(turns=turns, session_id=session)
        agent_sessions.remember(db, run, progress, outcome, now=NOW)


def resumed_session(context: Context, agent: Agent = ANN, kind: RunKind = RunKind.CODER) -> str | None:
    with context.store.reading() as db:
        return agent_sessions.session_to_resume(
            stories.load(db, StoryId(1)), kind, agent, content.of_story(db, StoryId(1))
        )


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.CRASHED, Outcome.LIMIT, Outcome.RATE_LIMITED])
def test_an_agent_resumes_its_session_after_any_outcome(context: Context, outcome: Outcome) -> None:
    record_run(context, "s1", outcome)
    apply_to_story(context.store, 1, GatesFailed("red"))
    assert resumed_session(context) == "s1"


def test_another_agent_another_model_and_a_program_without_sessions_begin_a_new_session(
    context: Context,
) -> None:
    record_run(context, "s1")
    others = [replace(ANN, name="bob"), replace(ANN, model="sonnet"), replace(ANN, runtime="command")]
    assert [resumed_session(context, other) for other in others] == [None] * 3
    assert resumed_session(context, kind=RunKind.MERGEMASTER) is None


def test_a_session_that_its_program_no_longer_knows_is_replaced(context: Context) -> None:
    record_run(context, "s1")
    record_run(context, None, Outcome.FAILED, turns=0)
    assert resumed_session(context) is None
    record_run(context, "s2")
    record_run(context, "s2", Outcome.FAILED, turns=0)
    assert resumed_session(context) is None


def test_a_crash_before_the_session_is_reported_keeps_the_session_before(context: Context) -> None:
    record_run(context, "s1")
    record_run(context, None, Outcome.CRASHED, turns=0)
    assert resumed_session(context) == "s1"


@pytest.mark.parametrize("last_progress", [None, Progress(), Progress(session_id="s1")])
def test_a_session_that_a_killed_supervisor_did_not_record_is_read_from_the_output(
    context: Context, last_progress: Progress | None
) -> None:
    """The supervisor writes its progress once a second and can be killed between two writes."""
    agent = replace(ANN, runtime="codex")
    with context.store.exclusive() as db:
        new_run = RunClaim(
            StoryId(1),
            RunKind.CODER,
            stories.load(db, StoryId(1)).visit,
            agent.name,
            agent.runtime,
            agent.model,
        )
        run = runs.claim(db, new_run, actor="test", now=NOW)
    directory = RunDirectory(context.project.run_dir(run.id))
    lock = take_lock(directory)
    assert lock is not None
    os.close(lock)
    spec = RunSpec(
        run.id, str(context.project.root), (), {}, Limits(), "huskies_core.runtimes.codex", ("true",)
    )
    Path(directory.spec).write_text(spec.to_json())
    Path(directory.output).write_text('{"type": "thread.started", "thread_id": "s1"}\n{"type": "turn.st')
    if last_progress is not None:
        Path(directory.progress).write_text(json.dumps(asdict(last_progress)))
    assert end_if_dead(context, run, NOW)
    assert resumed_session(context, agent) == "s1"


def test_qa_resumes_within_a_visit_and_begins_a_new_session_for_new_work(context: Context) -> None:
    apply_to_story(context.store, 1, QaRequested())
    record_run(context, "q1", kind=RunKind.QA)
    within = resumed_session(context, kind=RunKind.QA)
    apply_to_story(context.store, 1, QaRejected("no"))
    apply_to_story(context.store, 1, QaRequested())
    assert (within, resumed_session(context, kind=RunKind.QA)) == ("q1", None)
