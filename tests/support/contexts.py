"""A project in a real repository, opened as a `Context`, with a clock that the test sets."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from huskies_cli.project_context import PROGRAM
from huskies_core.context import Context
from huskies_core.project import find_repository
from huskies_core.store import connection, metadata
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
