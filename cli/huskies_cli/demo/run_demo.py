"""The loop of the demo: it runs the passes that cron would run until no work remains, and ends every run."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from threading import Event

from huskies_cli.demo.narrator import Narrator, Print
from huskies_cli.project_context import open_context
from huskies_cli.reports import line_of
from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.moves import freeze_story
from huskies_core.passes import pass_sequence
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.due import is_due
from huskies_core.passes.pass_runner import run_passes
from huskies_core.passes.steps import PassReport, StepOutcome
from huskies_core.pipeline.stages import StageName
from huskies_core.scheduler.snapshot import MOVING
from huskies_core.store import journal, runs, stories
from huskies_core.supervisor.processes import find_process
from huskies_core.supervisor.run_directory import RunDirectory

INTERVAL_SECS = 0.3
STALL_SECS = 120
"""The demo fails if the journal and the output of all runs stay the same for this long."""
SLOW_SECS = 60
"""After each such time the demo reports that it still runs. On an idle machine it takes 20 to 30 seconds."""
STOP_SECS = 60


def run_to_end(context: Context, narrator: Narrator) -> str:
    """Run the passes until no story moves any more. Return why they stopped before that, or an empty text.

    The time that this takes does not matter: only a lack of progress stops it.
    """
    _report_failures(pass_sequence.reconcile(context), narrator.print_line)
    _report_failures(run_passes(context, [AUTO_ASSIGN]), narrator.print_line)
    activity, changed_at = _activity(context), time.monotonic()
    next_report = changed_at + SLOW_SECS
    while not is_finished(context):
        narrator.catch_up()
        before, activity, now = activity, _activity(context), time.monotonic()
        if activity != before:
            changed_at = now
        if now - changed_at > STALL_SECS:
            return _stall(context)
        if now >= next_report:
            narrator.report_slowness()
            next_report = now + SLOW_SECS
        wait()
        if is_due(str(context.project.state_dir)):
            _report_failures(pass_sequence.tick(context), narrator.print_line)
    _report_failures(pass_sequence.reconcile(context), narrator.print_line)
    narrator.catch_up()
    return ""


def _activity(context: Context) -> tuple[int, int]:
    """Return the end of the journal and the size of all output. They change as long as there is progress."""
    with context.store.reading() as db:
        head = journal.head(db)
    size = 0
    for file in context.project.runs_dir.glob("*/*"):
        with suppress(FileNotFoundError):  # it was removed since its directory was read
            size += file.stat().st_size
    return head, size


def _stall(context: Context) -> str:
    with context.store.reading() as db:
        live = runs.live(db)
    names = ", ".join(f"{run.agent or f'the {run.kind} run'} on #{run.story}" for run in live)
    return f"no event and no output for {STALL_SECS} seconds; running: {names or 'nothing'}"


def is_finished(context: Context) -> bool:
    """Return whether no run is live, no story moves, and auto-assign has read the whole journal."""
    with context.store.reading() as db:
        if runs.live(db) or stories.in_stages(db, MOVING):
            return False
        is_read = journal.cursor(db, AUTO_ASSIGN.name) == journal.head(db)
    return is_read and not supervisors(context)


def supervisors(context: Context) -> list[int]:
    """Return the pids of live supervisors. A supervisor may still run `advance` after it recorded the end."""
    with context.store.reading() as db:
        recent = runs.recent(db)
    records = [RunDirectory(context.project.run_dir(run.id)).read_shim() for run in recent]
    processes = [(record, find_process(record.pid)) for record in records if record is not None]
    return [record.pid for record, process in processes if process and process.started == record.started]


@contextmanager
def freezing_at_end(root: Path, print_line: Print) -> Iterator[None]:
    """End all runs of the project however the block ends, by freezing the stories that are not terminal."""
    try:
        yield
    finally:
        with open_context(root) as context:
            frozen = freeze_stories(context)
        if frozen:
            print_line(f"Stopped. Frozen: {', '.join(f'#{story}' for story in frozen)}.")


def freeze_stories(context: Context) -> tuple[StoryId, ...]:
    """Freeze each story that is not terminal, which ends its run, and return their ids.

    Raise HuskiesError if a run still lives after STOP_SECS.
    """
    until = utc_now() + timedelta(seconds=STOP_SECS)
    while True:
        with context.store.reading() as db:
            live, remaining = runs.live(db), stories.open_stories(db)
        moving = [story for story in remaining if story.stage.name is not StageName.FROZEN]
        if not (live or moving or supervisors(context)):
            return tuple(story.id for story in remaining)
        problem = HuskiesError("a run of the demo did not end")
        for story in moving:
            try:
                freeze_story(context, story.id)
            except HuskiesError as error:  # a story that is being landed, for example, cannot be frozen yet
                problem = error
        if utc_now() > until:
            raise problem
        wait()


@contextmanager
def terminations_interrupt() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP like Ctrl-C for the length of the block. Ignored signals stay ignored."""
    with ExitStack() as at_end:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                at_end.callback(signal.signal, number, signal.signal(number, signal.default_int_handler))
        yield


def wait() -> None:
    Event().wait(INTERVAL_SECS)


def _report_failures(reports: Sequence[PassReport], print_line: Print) -> None:
    """Print a line for each action and pass that failed. The demo continues; its checks decide."""
    for report in reports:
        for item in report.results:
            if item.outcome is StepOutcome.FAILED:
                print_line(line_of(item))
        if report.failure is not None:
            print_line(f"{report.name} failed: {report.failure.message}")
