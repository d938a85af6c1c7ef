"""A project as `init` leaves it, and its callers: a person and runs."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.project import Project
from huskies_core.store import connection, metadata, runs, stories
from huskies_core.store.runs import RunClaim, RunKind

FIRST = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.fixture
def context(project: Project) -> Iterator[Context]:
    """Open a project as Ada at noon."""
    (project.state_dir / ".gitignore").write_text("*\n")
    connection.create(project)
    with closing(Context(project, actor="user:ada", environ={}, clock=lambda: FIRST)) as opened:
        with opened.store.exclusive() as db:
            metadata.put(db, metadata.BASE_BRANCH, "main")
        yield opened


@pytest.fixture
def as_run(context: Context) -> Iterator[Callable[[int, RunKind], Context]]:
    """Return a function that begins a run of a story and returns the context of its agent."""
    opened: list[Context] = []

    def begin(story: int, kind: RunKind) -> Context:
        with context.store.exclusive() as db:
            visit = stories.load(db, StoryId(story)).visit
            run = runs.claim(
                db, RunClaim(StoryId(story), kind, visit, agent=f"{kind}-1"), actor="user:ada", now=FIRST
            )
        environ = {"HUSKIES_RUN_ID": str(run.id), "HUSKIES_PROJECT": str(context.project.root)}
        inside = Context(context.project, actor=f"run:{run.id}", environ=environ, clock=lambda: FIRST)
        opened.append(inside)
        return inside

    yield begin
    for inside in opened:
        inside.close()
