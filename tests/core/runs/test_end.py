"""The end of real runs: recorded whatever the run did to its worktree."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.pass_runner import run_pass
from huskies_core.pipeline.stages import Coding, Frozen
from huskies_core.runs.end import record_failed_start
from huskies_core.store import runs, stories
from huskies_core.store.runs import Outcome, Run, RunClaim, RunKind
from support.contexts import Clock, opened
from support.stories import import_story
from support.waiting import wait_until

AGENT = """
[[agent]]
name = "vandal"
stage = "coder"
runtime = "command"
command = ["sh", "-c", '''{script}''']
"""


@pytest.fixture
def vandal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Context]:
    """A project with a coder that runs the script of the test's parameter."""
    agents = AGENT.format(script=request.param)
    toml = "max_coders = 1\n"
    with opened(tmp_path / "repo", Clock(utc_now()), project_toml=toml, agents_toml=agents) as context:
        context.now = utc_now
        yield context


def first_end(context: Context) -> Run:
    """The first run of story 1, once it has ended and nothing of it is left."""
    import_story(context.store, Coding(), number=1)
    run_pass(context, AUTO_ASSIGN)

    def settled() -> list[Run]:
        with context.store.reading() as db:
            found = runs.of_story(db, 1)
        return [] if any(run.is_live for run in found) or len(found) < 4 else list(found)

    return wait_until(settled, 60, what="the runs to end")[0]


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    "vandal",
    [
        "echo nonsense > .git",
        "rm -rf .git",
        "echo nonsense > $(git rev-parse --git-dir)/HEAD",
        "echo nonsense > $(git rev-parse --git-dir)/index",
        "rm -rf ../$HUSKIES_STORY_ID",
    ],
    indirect=True,
)
def test_a_worktree_that_the_agent_broke_does_not_keep_the_run_from_ending(vandal: Context) -> None:
    assert first_end(vandal).outcome is Outcome.COMPLETED


@pytest.mark.parametrize("vandal", ["true"], indirect=True)
def test_a_run_that_is_stopped_while_it_is_being_started_ends_as_stopped(vandal: Context) -> None:
    import_story(vandal.store, Coding(), number=1)
    with vandal.store.exclusive() as db:
        visit = stories.load(db, 1).visit
        run = runs.claim(
            db, RunClaim(StoryId(1), RunKind.CODER, visit, "vandal"), actor="test", now=utc_now()
        )
    folder = vandal.project.run_dir(run.id)
    folder.mkdir(parents=True)
    intent = {"outcome": "stopped", "detail": "stopped by ada", "then": "freeze", "actor": "user:ada"}
    (folder / "kill.json").write_text(json.dumps(intent))
    record_failed_start(vandal, run, "the run was ended before it began", utc_now())
    with vandal.store.reading() as db:
        ended, story = runs.load(db, run.id), stories.load(db, 1)
    assert (ended.outcome, ended.detail, story.stage) == (Outcome.STOPPED, "stopped by ada", Frozen(Coding()))
