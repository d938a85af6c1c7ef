"""One project opened for one command: its store, its config and its repository, each opened when first asked for."""

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
from huskies_core.progress import Progress, ignore_progress
from huskies_core.project import Project, find_project
from huskies_core.store import metadata
from huskies_core.store.connection import Store
from huskies_core.user import user_name

if TYPE_CHECKING:
    from huskies_core.config.records import Config
    from huskies_core.git.repository import Repository


class Context:
    """`actor` is who acts, as the journal names them; `environ` is what agents that are started may inherit from.
    `progress` is told how far something long is."""

    def __init__(
        self,
        project: Project,
        *,
        actor: str,
        environ: Mapping[str, str],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.project = project
        self.actor = actor
        self.environ = environ
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
        """Both config files. Raises ConfigError; a caller that must go on without them asks for nothing of theirs."""
        from huskies_core.config.load import load_config

        return load_config(self.project, self.text_at_base)

    @property
    def base_branch(self) -> str:
        return self.config.project.base_branch or self.recorded_base

    @property
    def timezone(self) -> str:
        """The project's time zone; UTC if the config does not load."""
        from huskies_core.config.problems import ConfigError

        try:
            return self.config.project.timezone
        except ConfigError:
            return "UTC"

    @property
    def base_branch_or_recorded(self) -> str:
        """The base branch, and where the config does not load the one that `init` recorded: an end must be recorded."""
        from huskies_core.config.problems import ConfigError

        try:
            return self.base_branch
        except ConfigError:
            return self.recorded_base

    @cached_property
    def recorded_base(self) -> str:
        """The branch that was checked out when `init` ran."""
        with self.store.reading() as db:
            recorded = metadata.get(db, metadata.BASE_BRANCH)
        if recorded is None:
            raise HuskiesError(
                "the project has no base branch", hint="Run 'huskies init --base-branch NAME'."
            )
        return recorded

    @property
    def inside_run(self) -> int | None:
        """The run that this very process is part of, when an agent of this project called it."""
        run, project = self.environ.get("HUSKIES_RUN_ID", ""), self.environ.get("HUSKIES_PROJECT")
        if not re.fullmatch("[0-9]{1,18}", run) or project is None or Path(project) != self.project.root:
            return None
        return int(run)

    @contextmanager
    def acting_as(self, actor: str) -> Iterator[None]:
        """What is written meanwhile names `actor`."""
        before, self.actor = self.actor, actor
        try:
            yield
        finally:
            self.actor = before

    def forget_config(self) -> None:
        """The next use reads the files again: a loop does so when they have changed."""
        self.__dict__.pop("config", None)

    def text_of(self, path: str) -> str:
        """A prompt file of `.huskies`, from the main checkout or the base branch. Raises `config_error` without it."""
        from huskies_core.config.load import read_text

        found = read_text(self.project, path, self.text_at_base)
        if found is None:
            raise HuskiesError(
                f"{path} is missing", hint="agents.toml names it.", code="config_error", subject=path
            )
        return found

    def text_at_base(self, path: str) -> str | None:
        from huskies_core.git.history import text_at

        return text_at(self.repository, f"refs/heads/{self.recorded_base}", path)


@contextmanager
def open_context(
    start: Path, *, actor: str = "", find: Callable[[Path], Project] = find_project
) -> Iterator[Context]:
    """The project around `start`, closed again at the end. Without an `actor` it is the run or the user that calls."""
    context = Context(find(start), actor=actor, environ=dict(os.environ))
    context.actor = actor or _caller(context)
    try:
        yield context
    finally:
        context.close()


def _caller(context: Context) -> str:
    if context.inside_run is not None:
        return f"run:{context.inside_run}"
    return f"user:{user_name()}"
