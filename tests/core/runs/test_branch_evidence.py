"""The end of a mergemaster's run verifies its resolution while other commits land on the base."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.git.worktrees import checkout_of
from huskies_core.pipeline.stages import Coding
from huskies_core.runs.end import end_run
from huskies_core.runs.handoff_files import STARTING_FILE
from huskies_core.runs.story_worktrees import base_tip, make_worktrees
from huskies_core.store import runs, stories
from huskies_core.store.runs import Run, RunClaim, RunKind, Verdict
from support.contexts import Clock, opened
from support.stories import DRAFT


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with opened(tmp_path / "repo", Clock()) as context:
        yield context


def commit_on_base(context: Context, name: str) -> str:
    (context.project.root / name).write_text("text\n")
    context.repository.git("add", name)
    context.repository.git("commit", "--quiet", "--message", name)
    return base_tip(context)


def resolving_run(context: Context) -> Run:
    """Return a mergemaster's run on the current tip that has reported its resolution."""
    now = context.now()
    with context.store.exclusive() as db:
        story = stories.add(db, DRAFT, Coding(), actor="user:test", now=now)
    make_worktrees(context, [story.id], now)
    with context.store.exclusive() as db:
        run = runs.claim(db, RunClaim(story.id, RunKind.MERGEMASTER, story.visit), actor="user:test", now=now)
        runs.record_verdict(db, run.id, Verdict.RESOLVED, "")
        return runs.load(db, run.id)


def remember_base(context: Context, run: Run, base: str) -> None:
    directory = context.project.run_dir(run.id)
    directory.mkdir(parents=True)
    (directory / STARTING_FILE).write_text(json.dumps({"base": base}))


def unresolved(context: Context, run: Run) -> object:
    end_run(context, run, context.now())
    with context.store.reading() as db:
        return runs.load(db, run.id).evidence.unresolved


def test_commits_that_land_during_a_resolution_do_not_invalidate_it(context: Context) -> None:
    run = resolving_run(context)
    tip = commit_on_base(context, "landed before it began")
    context.repository.git("merge", "--quiet", "main", at=checkout_of(context.project, run.story))
    remember_base(context, run, tip)
    commit_on_base(context, "landed meanwhile")

    assert unresolved(context, run) == ""


def test_a_resolution_without_the_base_of_its_start_does_not_count(context: Context) -> None:
    run = resolving_run(context)
    tip = commit_on_base(context, "landed before it began")
    remember_base(context, run, tip)

    assert unresolved(context, run) == f"the base {tip[:12]} is not merged into feature/story-1"
