"""Gate runs on request."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.agents import run_gates
from huskies_core.operations.runs import show_run
from huskies_core.pipeline.stages import Coding
from huskies_core.runs.story_worktrees import make_worktrees
from huskies_core.store import runs, stories
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import StoryType
from support.contexts import Clock, opened
from support.git_repository import GitRepository
from support.stage_examples import STAGES
from support.stories import DRAFT, NOW, import_story, load_story
from support.waiting import wait_until

GATE = """
[[gate]]
name = "look"
command = ["sh", "-c", "test -f README && {then}"]
"""


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with opened(tmp_path / "repo", Clock(utc_now()), project_toml=GATE.format(then="true")) as context:
        context.environ = dict(os.environ)
        import_story(context.store, Coding())
        yield context


@pytest.fixture
def worktree(context: Context) -> Path:
    """Create the worktree of story 1, without commits."""
    make_worktrees(context, [StoryId(1)], context.now())
    return context.project.worktree(1)


@pytest.fixture
def work(worktree: Path) -> GitRepository:
    """Add a commit to the story's branch."""
    repository = GitRepository(worktree, commits=False)
    repository.commit_file("work", "done\n")
    return repository


def refused(context: Context, story: int = 1) -> str:
    with pytest.raises(HuskiesError) as raised:
        run_gates(context, StoryId(story))
    with context.store.reading() as db:
        assert not runs.of_story(db, StoryId(story))
    return raised.value.code


def stage_after(context: Context, is_reached: Callable[[str], bool]) -> str:
    wait_until(lambda: is_reached(load_story(context.store, 1).stage.name), 20, what="the next stage")
    return load_story(context.store, 1).stage.name


@pytest.mark.usefixtures("processes")
@pytest.mark.usefixtures("work")
def test_passed_work_moves_on(context: Context) -> None:
    run = run_gates(context, StoryId(1))
    assert (run.kind, run.agent) == (RunKind.GATES, None)
    assert stage_after(context, lambda name: name != "coding") in ("merge", "done")


@pytest.mark.usefixtures("processes")
@pytest.mark.usefixtures("work")
def test_failed_work_returns_to_a_coder_with_the_output(context: Context) -> None:
    context.project.project_toml.write_text(GATE.format(then="echo not yet && exit 3"))
    context.forget_config()
    run = run_gates(context, StoryId(1))
    wait_until(lambda: load_story(context.store, 1).retries == 1, 20, what="the retry")
    ended = show_run(context, run.id).now.run
    assert (ended.outcome, load_story(context.store, 1).stage.name) == ("failed", "coding")


@pytest.mark.usefixtures("worktree")
def test_gates_do_not_run_without_commits(context: Context) -> None:
    assert refused(context) == "no_commits"


def test_gates_do_not_run_with_uncommitted_changes(context: Context, work: GitRepository) -> None:
    work.write("more", "half\n")
    assert refused(context) == "uncommitted"


@pytest.mark.usefixtures("work")
def test_without_gates_there_is_nothing_to_run(context: Context) -> None:
    context.project.project_toml.write_text("# nothing set\n")
    context.forget_config()
    assert refused(context) == "no_gates"


@pytest.mark.parametrize("stage", ["backlog", "merge", "review_hold", "blocked", "frozen", "done"])
def test_gates_run_only_in_coding_and_qa(context: Context, stage: str) -> None:
    import_story(context.store, STAGES[stage], number=StoryId(2))
    assert refused(context, 2) == "wrong_stage"


def test_gates_do_not_run_for_a_spike(context: Context) -> None:
    with context.store.exclusive() as db:
        stories.add(db, replace(DRAFT, type=StoryType.SPIKE), Coding(), actor="user:test", now=NOW)
    assert refused(context, 2) == "wrong_stage"


@pytest.mark.usefixtures("work")
def test_gates_are_not_run_beside_a_live_run(context: Context) -> None:
    with context.store.exclusive() as db:
        visit = stories.load(db, StoryId(1)).visit
        live = runs.claim(
            db, runs.RunClaim(StoryId(1), RunKind.CODER, visit, agent="ann"), actor="user:test", now=NOW
        )
    with pytest.raises(HuskiesError) as raised:
        run_gates(context, StoryId(1))
    with context.store.reading() as db:
        assert (raised.value.code, [run.id for run in runs.of_story(db, StoryId(1))]) == (
            "already_running",
            [live.id],
        )
