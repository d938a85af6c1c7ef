"""A project opened for one command: its store, its config and its repository, each opened at its first use."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from huskies_core.clock import utc_now
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId
from huskies_core.project import Project, find_project
from huskies_core.store import metadata
from huskies_core.store.connection import Store
from huskies_core.user import user_name

if TYPE_CHECKING:
    from huskies_core.config.records import Config
    from huskies_core.git.repository import Repository


Progress = Callable[[str, int, int], None]
"""Displays the progress of long work: the name of the current part, the done items, and their total or 0 if unknown."""


def ignore_progress(_at: str, _done: int, _of: int) -> None:
    """Display nothing."""


class Context:
    """Everything that an operation needs to work on one project.

    `actor` is the name in the journal, `environ` the environment that started agents may inherit variables from.
    `program` is the command line that starts this program again; `progress` is called during long work.
    """

    def __init__(
        self,
        project: Project,
        *,
        actor: str,
        environ: Mapping[str, str],
        program: tuple[str, ...] = (),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.project = project
        self.actor = actor
        self.environ = environ
        self._program = program
        self.now = clock
        self.progress: Progress = ignore_progress
        self.store = Store(project)
        self._opened = ExitStack()
        self._opened.enter_context(self.store)

    def close(self) -> None:
        self._opened.close()

    @cached_property
    def repository(self) -> "Repository":
        from huskies_core.git.repository import Repository

        return self._opened.enter_context(Repository(self.project))

    @cached_property
    def config(self) -> "Config":
        """Return the settings of both config files. Raise ConfigError if one is invalid."""
        from huskies_core.config.load import load_config

        return load_config(self.project, self.text_at_base)

    @property
    def base_branch(self) -> str:
        return self.config.project.base_branch or self.recorded_base

    @property
    def valid_config(self) -> "Config | None":
        """Return the settings of both config files, or None if one is invalid."""
        from huskies_core.config.document import ConfigError

        try:
            return self.config
        except ConfigError:
            return None

    @property
    def timezone(self) -> str:
        """The project's time zone; UTC if the config is invalid."""
        config = self.valid_config
        return "UTC" if config is None else config.project.timezone

    @property
    def base_branch_or_recorded(self) -> str:
        """The base branch; with an invalid config, the branch recorded by `init`, so that runs can end."""
        return self.recorded_base if self.valid_config is None else self.base_branch

    @cached_property
    def recorded_base(self) -> str:
        """The base branch that `init` recorded."""
        with self.store.reading() as db:
            recorded = metadata.get(db, metadata.BASE_BRANCH)
        if recorded is None:
            raise HuskiesError(
                "the project has no base branch", hint="Run 'huskies init --base-branch NAME'."
            )
        return recorded

    @property
    def inside_run(self) -> RunId | None:
        """The run that this process belongs to, if an agent of this project started it."""
        run, project = self.environ.get("HUSKIES_RUN_ID", ""), self.environ.get("HUSKIES_PROJECT")
        if not re.fullmatch("[0-9]{1,18}", run) or project is None or Path(project) != self.project.root:
            return None
        return RunId(int(run))

    def own_command(self, *arguments: str) -> tuple[str, ...]:
        """Return the command line that runs this program with the arguments. Raise LookupError if it is unknown."""
        if not self._program:
            raise LookupError("the context was opened without the program's command line")
        return (*self._program, *arguments)

    @contextmanager
    def acting_as(self, actor: str) -> Iterator[None]:
        """Replace the actor inside the block."""
        previous, self.actor = self.actor, actor
        try:
            yield
        finally:
            self.actor = previous

    def forget_config(self) -> None:
        """Make the next use read the config files again."""
        self.__dict__.pop("config", None)

    def read_prompt_file(self, path: str) -> str:
        """Return a file of `.huskies` from the main checkout or the base branch. Raise `config_error`."""
        from huskies_core.config.load import read_text

        text = read_text(self.project, path, self.text_at_base)
        if text is None:
            raise HuskiesError(
                f"{path} is missing", hint="agents.toml names it.", code="config_error", subject=path
            )
        return text

    def text_at_base(self, path: str) -> str | None:
        return self.repository.text_at(f"refs/heads/{self.recorded_base}", path)


@contextmanager
def open_context(
    start: Path,
    *,
    actor: str = "",
    program: tuple[str, ...] = (),
    find: Callable[[Path], Project] = find_project,
) -> Iterator[Context]:
    """Open the project that contains `start` for the block. The default actor is the calling run or user."""
    context = Context(find(start), actor=actor, environ=dict(os.environ), program=program)
    run = context.inside_run
    context.actor = actor or (f"user:{user_name()}" if run is None else f"run:{run}")
    try:
        yield context
    finally:
        context.close()
