"""List, show and end runs."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from huskies_core.argument import Argument
from huskies_core.clock import from_iso, to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.common_arguments import RunArgument, run_argument
from huskies_core.operations.operation import Command, operation
from huskies_core.operations.record_json import pick, run_json
from huskies_core.project import Project
from huskies_core.store import runs, stories
from huskies_core.store.runs import Outcome, Run
from huskies_core.supervisor.records import Exit, StepEnd
from huskies_core.supervisor.run_directory import RunDirectory, is_alive

MOST_RUNS = 20
_FILES = ("output", "prompt", "spec", "exit", "shim_log")


class RunNow(Struct, frozen=True):
    """A run with its figures at this moment; those of a live run come from its supervisor.

    `last_output_at` is None if it printed nothing or its files are missing. `dead` is set for a run that has
    no supervisor and no recorded end. `problem` names the files that cannot be read. `throttled` is the limit of its
    account that slows it down or that it waits out; `denied` has the number of refusals by tool. Only the live board
    reads the `last_line` of the output.
    """

    run: Run
    last_output_at: datetime | None
    dead: bool = False
    problem: str = ""
    throttled: str = ""
    denied: Mapping[str, int] = field(default_factory=dict)
    last_line: str = ""


class RunPage(Struct, frozen=True):
    """A run with everything that is known; `exit` is its supervisor's report, `directory` None if it was removed."""

    now: RunNow
    exit: Exit | None
    directory: RunDirectory | None


def run_now_json(now: RunNow) -> dict[str, object]:
    return {
        **run_json(now.run),
        "tool_turns": now.run.tool_turns,
        **pick(now, "last_output_at", "dead"),
        "throttled": now.throttled or None,
        "denied": dict(now.denied),
    }


def run_page_json(page: RunPage) -> dict[str, object]:
    """Return the page of a run; `paths` is empty if retention has removed the files."""
    run, ended, files = page.now.run, page.exit, page.directory
    return {
        **run_now_json(page.now),
        **pick(run, "runtime", "model", "verdict", "notes"),
        "evidence": run.evidence.to_json(),
        "landing": None if run.landing is None else asdict(run.landing),
        "limit": ended.limit.limit if ended and ended.limit else None,
        "steps": [_step_json(step) for step in ended.steps] if ended else [],
        "lost_output_bytes": ended.lost_output_bytes if ended else 0,
        "survivors": list(ended.survivors) if ended else [],
        "paths": {} if files is None else {"directory": files.path, **pick(files, *_FILES)},
    }


def _step_json(step: StepEnd) -> dict[str, object]:
    return {
        **pick(step, "name", "role", "exit_code", "signal", "timed_out", "detail"),
        "started_at": to_iso(datetime.fromtimestamp(step.started_at, tz=UTC)),
        "seconds": round(step.seconds, 3),
    }


def runs_json(items: Iterable[RunNow]) -> dict[str, object]:
    return {"runs": [run_now_json(now) for now in items]}


@operation(
    "list_runs",
    json=lambda items: {**runs_json(items), "errors": [error.to_json() for error in run_errors(items)]},
)
def list_runs(
    context: Context,
    story: Annotated[StoryId | None, Argument("Only runs of the story with this id.", least=1)] = None,
    *,
    live: Annotated[bool, Argument("Only runs that have not ended.")] = False,
    limit: Annotated[int, Argument("The number of runs to list; 0 lists all.", least=0)] = MOST_RUNS,
) -> tuple[RunNow, ...]:
    """List runs, the latest first."""
    with context.store.reading() as db:
        if story is not None:
            stories.load(db, story)
            records = runs.of_story(db, story)
        else:
            records = runs.live(db) if live else runs.recent(db, limit or -1)
    chosen = [run for run in reversed(records) if run.is_live or not live]
    return tuple(as_now(context.project, run) for run in chosen[: limit or None])


@operation("show_run", Command("run show"), json=run_page_json)
def show_run(context: Context, run: RunArgument) -> RunPage:
    """Show a run in detail.

    The output contains the outcome, each step with its exit code and duration, the state of the branch at the end of
    the run, and the paths of its files.
    """
    record = _load(context, run)
    directory = RunDirectory(context.project.run_dir(run))
    has_files = os.path.isdir(directory.path)
    ended = directory.read_exit() if has_files else None
    return RunPage(as_now(context.project, record), ended, directory if has_files else None)


@operation("kill_run", Command("run kill"), json=lambda run: {"run": run_json(run)}, writes=True)
def kill_run(context: Context, run: Annotated[RunId, run_argument("live-runs")]) -> Run:
    """End one run, as if it had crashed.

    The story stays in its stage, and auto-assign starts the next run. To freeze the story as well, stop its agent
    instead.
    """
    record = _load(context, run)
    if not record.is_live:
        hint = "'huskies run list --live' shows the live ones."
        raise HuskiesError(
            f"run {run} has ended: {record.outcome}", hint=hint, code="not_live", subject=str(run)
        )
    from huskies_core.runs.end import stop_run

    stop_run(context, run, Outcome.CRASHED, f"killed by {context.actor}")
    return _load(context, run)


def as_now(project: Project, run: Run) -> RunNow:
    """Return a run with its supervisor's figures, or without them if their file cannot be read."""
    directory = RunDirectory(project.run_dir(run.id))
    printed = _last_output(directory)
    if not run.is_live:
        return RunNow(run, printed, denied=run.evidence.denied)
    dead = not is_alive(directory)
    try:
        progress = directory.read_progress()
    except HuskiesError as error:
        return RunNow(run, printed, dead, error.message)
    if progress is None:
        return RunNow(run, printed, dead)
    run = replace(run, turns=progress.turns, tool_turns=progress.tool_turns, cost_usd=progress.cost_usd)
    limit = progress.rate_limit
    throttled = "" if limit is None else limit.detail or "rate limit"
    return RunNow(run, printed, dead, throttled=throttled, denied=progress.denied)


def run_errors(items: Iterable[RunNow]) -> tuple[HuskiesError, ...]:
    """Return an error for each run with files that cannot be read."""
    return tuple(
        HuskiesError(now.problem, code="run_directory", subject=f"run {now.run.id}")
        for now in items
        if now.problem
    )


def _last_output(directory: RunDirectory) -> datetime | None:
    try:
        status = os.stat(directory.output)
    except FileNotFoundError:
        return None
    return datetime.fromtimestamp(status.st_mtime, tz=UTC) if status.st_size else None


def quiet_since(now: RunNow) -> datetime:
    """Return since when the run has printed nothing."""
    return now.last_output_at or from_iso(now.run.started_at)


def _load(context: Context, run: RunId) -> Run:
    with context.store.reading() as db:
        return runs.load(db, run)
