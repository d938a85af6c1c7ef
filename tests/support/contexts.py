"""A project in a real repository, opened as a `Context`, with a clock that the test sets."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from huskies_cli.project_context import PROGRAM
from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.operations.runs import kill_run
from huskies_core.project import find_repository
from huskies_core.store import connection, metadata, runs
from support.git_repository import GitRepository
from support.stories import NOW


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@contextmanager
def opened(
    root: Path, clock: Clock, *, project_toml: str = "# nothing set\n", agents_toml: str = "# no agents\n"
) -> Iterator[Context]:
    """Make a repository with one commit and a project."""
    GitRepository(root)
    project = find_repository(root)
    project.state_dir.mkdir()
    (project.state_dir / ".gitignore").write_text("*\n")
    project.project_toml.write_text(project_toml)
    project.agents_toml.write_text(agents_toml)
    connection.create(project)
    environ = {"PATH": "/usr/bin:/bin"}
    context = Context(project, actor="user:test", environ=environ, program=PROGRAM, clock=clock)
    with context.store.exclusive() as db:
        metadata.put(db, metadata.BASE_BRANCH, "main")
    try:
        yield context
    finally:
        context.close()


@contextmanager
def opened_for_agents(root: Path, agents_toml: str) -> Iterator[Context]:
    """Make a project whose agents run, at the real time and in the environment of the test. Kill live runs at last."""
    with opened(root, Clock(utc_now()), agents_toml=agents_toml) as context:
        context.environ = dict(os.environ)
        yield context
        with context.store.reading() as db:
            live = runs.live(db)
        for run in live:
            kill_run(context, run.id)


def configure(context: Context, text: str) -> None:
    """Replace project.toml."""
    context.project.project_toml.write_text(text)
    context.forget_config()


def agent_toml(name: str = "ann", stage: str = "coder", command: Sequence[str] = ("true",)) -> str:
    """Return the part of agents.toml for an agent, by default one that ends at once."""
    lines = ("[[agent]]", f'name = "{name}"', f'stage = "{stage}"', 'runtime = "command"')
    return "\n".join([*lines, f"command = {json.dumps(command)}\n"])
