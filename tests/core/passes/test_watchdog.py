"""Which live runs the watchdog ends: those that outlived a limit their supervisor should have held."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta

import pytest

from huskies_core.agents.world import observe
from huskies_core.context import Context
from huskies_core.passes.watchdog import GRACE, plan
from huskies_core.pipeline.stages import Coding
from huskies_core.runs.directory import RunDirectory
from huskies_core.runs.liveness import take_lock
from huskies_core.runs.records import Progress
from huskies_core.store import runs, stories
from huskies_core.store.runs import Claim, RunKind
from support.contexts import Clock
from support.stories import NOW, import_story

INACTIVITY = timedelta(seconds=300)


@pytest.fixture
def directory(context: Context) -> Iterator[RunDirectory]:
    """Of a live run of ann's that has printed something at its start, and nothing since."""
    import_story(context.store, Coding(), number=1)
    with context.store.exclusive() as db:
        visit = stories.load(db, 1).visit
        run = runs.claim(db, Claim(1, RunKind.CODER, visit, "ann"), actor="test", now=NOW).id
    directory = RunDirectory(context.project.run_dir(run))
    lock = take_lock(directory)
    assert lock is not None
    yield directory
    os.close(lock)


def shows(directory: RunDirectory, progress: Progress, *, after: float) -> None:
    """The run's files as they are when its step began, or last counted something, `after` seconds."""
    for path, at in ((directory.output, 0.0), (directory.progress, after)):
        with open(path, "w") as file:
            json.dump(asdict(progress), file)
        moment = NOW.timestamp() + at
        os.utime(path, (moment, moment))


def ended(context: Context) -> list[str]:
    with context.store.reading() as db:
        return [action.detail for action in plan(observe(context, db))]


def test_an_agent_that_is_silent_for_too_long_is_ended(
    context: Context, clock: Clock, directory: RunDirectory
) -> None:
    shows(directory, Progress(step="ann"), after=10)
    clock.pass_by(seconds=(INACTIVITY + GRACE).total_seconds() + 9)
    before = ended(context)
    clock.pass_by(seconds=2)
    assert (before, ended(context)) == ([], ["inactivity_timeout_secs: no output for 300 s"])


def test_a_setup_may_be_silent_for_as_long_as_it_takes(
    context: Context, clock: Clock, directory: RunDirectory
) -> None:
    shows(directory, Progress(step="web"), after=0)
    clock.pass_by(hours=1)
    assert ended(context) == []


def test_an_agent_that_waits_for_a_rate_limit_is_not_silent(
    context: Context, clock: Clock, directory: RunDirectory
) -> None:
    until = NOW + timedelta(hours=1)
    shows(directory, Progress(step="ann", waiting_until=until.timestamp()), after=0)
    clock.pass_by(hours=1)
    assert ended(context) == []


def test_no_step_outlives_the_time_of_the_whole_run(
    context: Context, clock: Clock, directory: RunDirectory
) -> None:
    shows(directory, Progress(step="web"), after=0)
    clock.pass_by(hours=4, minutes=1)
    assert ended(context) == ["max_wall_secs: longer than 14400 s"]
