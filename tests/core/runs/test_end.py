"""The end of a real run is recorded, even if the run broke its worktree."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import Seq, StoryId
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.pass_runner import run_pass
from huskies_core.pipeline.events import Block
from huskies_core.pipeline.stages import Blocked, Coding, Frozen
from huskies_core.runs import end
from huskies_core.runs.end import end_if_dead, record_failed_start
from huskies_core.store import journal, runs, stories
from huskies_core.store.runs import Outcome, Run, RunClaim, RunKind
from huskies_core.supervisor.kill import KillResult
from huskies_core.supervisor.processes import Process
from support.contexts import Clock, opened
from support.stories import apply_to_story, import_story
from support.waiting import wait_until

AGENT = """
[[agent]]
name = "vandal"
stage = "coder"
runtime = "command"
command = ["sh", "-c", '''{script}''']
"""


@pytest.fixture
def project_with_agent(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Context]:
    """Open a project with a coder that runs the script of the test's parameter."""
    agents = AGENT.format(script=request.param)
    toml = "max_coders = 1\n"
    with opened(tmp_path / "repo", Clock(utc_now()), project_toml=toml, agents_toml=agents) as context:
        context.now = utc_now
        yield context


def first_end(context: Context) -> Run:
    """Return the first run of story 1 after it and its processes have ended."""
    import_story(context.store, Coding(), number=StoryId(1))
    run_pass(context, AUTO_ASSIGN)

    def ended_runs() -> list[Run]:
        with context.store.reading() as db:
            all_runs = runs.of_story(db, StoryId(1))
        return [] if any(run.is_live for run in all_runs) or len(all_runs) < 4 else list(all_runs)

    return wait_until(ended_runs, 60, what="the runs to end")[0]


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    "project_with_agent",
    [
        "echo nonsense > .git",
        "rm -rf .git",
        "echo nonsense > $(git rev-parse --git-dir)/HEAD",
        "echo nonsense > $(git rev-parse --git-dir)/index",
        "rm -rf ../$HUSKIES_STORY_ID",
    ],
    indirect=True,
)
def test_a_run_ends_although_its_agent_broke_the_worktree(project_with_agent: Context) -> None:
    assert first_end(project_with_agent).outcome is Outcome.COMPLETED


def claim_run(context: Context) -> Run:
    """Claim a run of story 1 and do not start it."""
    visit = import_story(context.store, Coding(), number=StoryId(1)).visit
    with context.store.exclusive() as db:
        return runs.claim(
            db, RunClaim(StoryId(1), RunKind.CODER, visit, "vandal"), actor="test", now=utc_now()
        )


def write_stop_intent(context: Context, run: Run) -> None:
    """Write the kill.json of a stop that dies before it records the end of the run."""
    folder = context.project.run_dir(run.id)
    folder.mkdir(parents=True)
    intent = {"outcome": "stopped", "detail": "stopped by ada", "then": "freeze", "actor": "user:ada"}
    (folder / "kill.json").write_text(json.dumps(intent))


@pytest.mark.parametrize("project_with_agent", ["true"], indirect=True)
def test_a_run_that_is_stopped_during_its_start_ends_as_stopped(project_with_agent: Context) -> None:
    run = claim_run(project_with_agent)
    write_stop_intent(project_with_agent, run)
    record_failed_start(project_with_agent, run, "the run was ended before it began", utc_now())
    with project_with_agent.store.reading() as db:
        ended, story = runs.load(db, run.id), stories.load(db, StoryId(1))
    assert (ended.outcome, ended.detail, story.stage) == (Outcome.STOPPED, "stopped by ada", Frozen(Coding()))


@pytest.mark.parametrize("project_with_agent", ["true"], indirect=True)
def test_a_run_with_a_surviving_process_is_not_recorded_as_ended(
    project_with_agent: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = claim_run(project_with_agent)
    surviving = KillResult(ended=False, survivors=(Process(7, 1, 0.0, "stuck"),))
    monkeypatch.setattr(end, "end_marked_processes", lambda *_: surviving)
    with pytest.raises(HuskiesError, match="7 stuck") as refusal:
        end_if_dead(project_with_agent, run, utc_now())
    with project_with_agent.store.reading() as db:
        is_live = runs.load(db, run.id).is_live
    assert (refusal.value.code, refusal.value.subject, is_live) == ("survivors", str(run.id), True)


@pytest.mark.parametrize("project_with_agent", ["true"], indirect=True)
def test_a_stop_does_not_freeze_a_story_that_moved_before_the_end_was_recorded(
    project_with_agent: Context,
) -> None:
    run = claim_run(project_with_agent)
    write_stop_intent(project_with_agent, run)
    apply_to_story(project_with_agent.store, 1, Block("no"))
    assert end_if_dead(project_with_agent, run, utc_now())
    with project_with_agent.store.reading() as db:
        ended, story = runs.load(db, run.id), stories.load(db, StoryId(1))
        dropped = [
            entry.detail for entry in journal.entries_after(db, Seq(0)) if entry.event == "event_dropped"
        ]
    assert (ended.outcome, story.stage) == (Outcome.STOPPED, Blocked("no", Coding()))
    assert [(detail["run"], detail["event"]) for detail in dropped] == [(run.id, "freeze")]
