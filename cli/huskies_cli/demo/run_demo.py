"""The demo itself: the same passes that cron would run, until nothing is left to do, and an end for whatever lives."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

from huskies_cli.demo.narrator import Say, Teller
from huskies_cli.reports import line_of
from huskies_core.clock import utc_now
from huskies_core.context import Context, open_context
from huskies_core.errors import HuskiesError
from huskies_core.operations.moves import freeze
from huskies_core.passes import pass_sequence
from huskies_core.passes.actions import Outcome, PassReport
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.due import is_due
from huskies_core.pipeline.stages import StageName
from huskies_core.scheduler.snapshot import MOVING
from huskies_core.store import cursors, journal, runs, stories
from huskies_core.supervisor.processes import find_process
from huskies_core.supervisor.run_directory import RunDirectory

INTERVAL_SECS = 0.3
LIMIT_SECS = 52
"""Counted from the start of the command; ending what still lives then takes two or three more."""
STOP_SECS = 20
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


def perform(context: Context, teller: Teller, *, until: datetime) -> bool:
    """Runs the passes until nothing moves any more; False when that was not so in time."""
    _complain(pass_sequence.reconcile(context), teller.say)
    _complain(pass_sequence.run_in_order(context, [AUTO_ASSIGN]), teller.say)
    while not is_over(context):
        teller.catch_up()
        if context.now() > until:
            return False
        pause()
        if is_due(str(context.project.state_dir)):
            _complain(pass_sequence.tick(context), teller.say)
    _complain(pass_sequence.reconcile(context), teller.say)
    teller.catch_up()
    return True


def is_over(context: Context) -> bool:
    """Nothing lives, nothing moves, and auto-assign has seen that it is so."""
    with context.store.reading() as db:
        if runs.live(db) or stories.in_stages(db, MOVING):
            return False
        seen = cursors.get(db, AUTO_ASSIGN.name) == journal.head(db)
    return seen and not supervisors(context)


def supervisors(context: Context) -> list[int]:
    """The pids of supervisors that are still there: one that has recorded its run's end sees to what follows."""
    with context.store.reading() as db:
        known = runs.recent(db)
    records = [RunDirectory(context.project.run_dir(run.id)).read_shim() for run in known]
    found = [(record, find_process(record.pid)) for record in records if record is not None]
    return [record.pid for record, process in found if process and process.started == record.started]


@contextmanager
def nothing_left(root: Path, say: Say) -> Iterator[None]:
    """However the block ends, no run of the project lives afterwards: stories that are not at their end are frozen."""
    try:
        yield
    finally:
        with open_context(root) as context:
            frozen = stop(context)
        if frozen:
            say(f"Stopped. Frozen where they stood: {', '.join(f'#{story}' for story in frozen)}.")


def stop(context: Context) -> tuple[int, ...]:
    """Freezes every story that is not at its end, which ends its run; returns which they are.

    Raises HuskiesError when a run lives on after STOP_SECS all the same.
    """
    until = utc_now() + timedelta(seconds=STOP_SECS)
    while True:
        trouble = _freeze_all(context)
        with context.store.reading() as db:
            live = runs.live(db)
            still = stories.open_stories(db)
        moving = [story for story in still if story.stage.name is not StageName.FROZEN]
        if not (live or moving or supervisors(context)):
            return tuple(story.id for story in still)
        if utc_now() > until:
            raise trouble or HuskiesError("a run of the demo could not be ended")
        pause()


def _freeze_all(context: Context) -> HuskiesError | None:
    """What refused now, such as a story that is being landed, is tried again by the caller."""
    trouble = None
    with context.store.reading() as db:
        moving = [story for story in stories.open_stories(db) if story.stage.name is not StageName.FROZEN]
    for story in moving:
        try:
            freeze(context, story.id)
        except HuskiesError as error:
            trouble = error
    return trouble


@contextmanager
def terminations_interrupt() -> Iterator[None]:
    """Meanwhile SIGTERM, and a terminal that goes away, are what Ctrl-C is. What is ignored stays ignored."""
    before = {number: signal.getsignal(number) for number in _ENDINGS}
    heeded = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in heeded:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in heeded.items():
            signal.signal(number, handler)


def pause() -> None:
    Event().wait(INTERVAL_SECS)


def _complain(reports: Sequence[PassReport], say: Say) -> None:
    """A pass that could not do what it meant to is worth a line: the demo goes on, and its checks judge."""
    for report in reports:
        for item in report.done:
            if item.outcome is Outcome.FAILED:
                say(line_of(item))
        if report.failure is not None:
            say(f"{report.name} failed: {report.failure.detail}")
