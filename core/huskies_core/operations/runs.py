"""Looking at runs as they are now, and ending one."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from huskies_core.clock import from_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.project import Project
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.runs.stop import stop_run
from huskies_core.store import runs, stories
from huskies_core.store.runs import Outcome, Run
from huskies_core.supervisor.liveness import is_alive
from huskies_core.supervisor.records import Exit
from huskies_core.supervisor.run_directory import RunDirectory


@dataclass(frozen=True)
class RunNow:
    """A run with the figures that it has now; those of a live one are its supervisor's.

    `last_output_at` is None when it printed nothing or its files are gone; `dead` is a run that nothing supervises any
    more and whose end is not recorded; `trouble` says which of its files cannot be read. `throttled` is the limit of
    its account that slows it down, or that it waits out; `denied` says how often each tool was refused.
    """

    run: Run
    last_output_at: datetime | None
    dead: bool = False
    trouble: str = ""
    throttled: str = ""
    denied: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RunPage:
    """All that is known of a run; `exit` is its supervisor's account, `directory` None once its files are gone."""

    now: RunNow
    exit: Exit | None
    directory: RunDirectory | None


def list_runs(
    context: Context, *, live: bool = False, story: int | None = None, limit: int = 0
) -> tuple[RunNow, ...]:
    """The latest first; `limit` 0 is all of them. Raises HuskiesError `not_found` for a story that never was."""
    with context.store.reading() as db:
        if story is not None:
            stories.load(db, story)
            found = runs.of_story(db, story)
        else:
            found = runs.live(db) if live else runs.recent(db, limit or -1)
    wanted = [run for run in reversed(found) if run.is_live or not live]
    return tuple(as_now(context.project, run) for run in wanted[: limit or None])


def show_run(context: Context, run: int) -> RunPage:
    """Raises HuskiesError `not_found`."""
    with context.store.reading() as db:
        found = runs.load(db, run)
    directory = RunDirectory(context.project.run_dir(run))
    if not os.path.isdir(directory.path):
        return RunPage(as_now(context.project, found), None, None)
    return RunPage(as_now(context.project, found), directory.read_exit(), directory)


def kill_run(context: Context, run: int) -> Run:
    """Ends that run alone, as a crash: its story stays where it is and is taken up again. Returns the ended run.

    Raises HuskiesError `not_live` when it has ended, `survivors` when a process would not go.
    """
    refuse_inside_run(context)
    found = _load(context, run)
    if not found.is_live:
        raise HuskiesError(
            f"run {run} has ended: {found.outcome}",
            hint="'huskies run list --live' shows the live ones.",
            code="not_live",
            subject=str(run),
        )
    stop_run(context, run, Outcome.CRASHED, f"killed by {context.actor}")
    return _load(context, run)


def as_now(project: Project, run: Run) -> RunNow:
    """A live run with its supervisor's figures. A file that cannot be read costs the figures, not the run."""
    directory = RunDirectory(project.run_dir(run.id))
    printed = last_output(directory)
    if not run.is_live:
        return RunNow(run, printed, denied=run.evidence.denied)
    dead = not is_alive(directory)
    try:
        progress = directory.read_progress()
    except HuskiesError as error:
        return RunNow(run, printed, dead, error.message)
    if progress is not None:
        figures = (progress.turns, progress.tool_turns, progress.cost_usd)
        run = replace(run, turns=figures[0], tool_turns=figures[1], cost_usd=figures[2])
    if progress is None:
        return RunNow(run, printed, dead)
    limit = progress.rate_limit
    slowed = "" if limit is None else limit.detail or "rate limit"
    return RunNow(run, printed, dead, throttled=slowed, denied=progress.denied)


def troubles(found: Iterable[RunNow]) -> tuple[HuskiesError, ...]:
    """The runs whose files cannot be read, an error each."""
    return tuple(
        HuskiesError(now.trouble, code="run_directory", subject=f"run {now.run.id}")
        for now in found
        if now.trouble
    )


def last_output(directory: RunDirectory) -> datetime | None:
    """When the run last printed something."""
    try:
        found = os.stat(directory.output)
    except FileNotFoundError:
        return None
    return datetime.fromtimestamp(found.st_mtime, tz=UTC) if found.st_size else None


def quiet_since(now: RunNow) -> datetime:
    """Since when the run has printed nothing."""
    return now.last_output_at or from_iso(now.run.started_at)


def _load(context: Context, run: int) -> Run:
    with context.store.reading() as db:
        return runs.load(db, run)
