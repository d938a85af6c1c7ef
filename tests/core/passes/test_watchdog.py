"""The watchdog ends live runs that exceed a limit which their supervisor did not enforce."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta

import pytest

from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.ids import StoryId
from huskies_core.passes.cost_rollup import COST_ROLLUP
from huskies_core.passes.pass_runner import run_pass
from huskies_core.passes.watchdog import GRACE, WATCHDOG, apply, plan
from huskies_core.pipeline.stages import Coding
from huskies_core.runtimes.runtime import RateLimit
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import rate_limits, runs, stories
from huskies_core.store.rate_limits import Account
from huskies_core.store.runs import RunClaim, RunKind
from huskies_core.supervisor.records import Progress, Usage
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.claims import claim_run
from support.contexts import Clock
from support.stories import NOW, import_story

INACTIVITY = timedelta(seconds=300)


@pytest.fixture
def directory(context: Context) -> Iterator[RunDirectory]:
    """Yield the directory of a live run of ann with output at its start and none since."""
    import_story(context.store, Coding(), number=StoryId(1))
    run = claim_run(context.store, 1, runtime="command")
    directory = RunDirectory(context.project.run_dir(run))
    lock = take_lock(directory)
    assert lock is not None
    yield directory
    os.close(lock)


def write_files(directory: RunDirectory, progress: Progress, *, after: float) -> None:
    """Write the run's files as its supervisor does `after` seconds."""
    for path, at in ((directory.output, 0.0), (directory.progress, after)):
        with open(path, "w") as file:
            json.dump(asdict(progress), file)
        moment = NOW.timestamp() + at
        os.utime(path, (moment, moment))


def ended(context: Context) -> list[str]:
    with context.store.reading() as db:
        return [action.detail for action in plan(take_snapshot(context, db))]


def test_an_agent_that_is_silent_for_too_long_is_killed(
    context: Context, clock: Clock, directory: RunDirectory
) -> None:
    write_files(directory, Progress(step="ann"), after=10)
    clock.pass_by(seconds=(INACTIVITY + GRACE).total_seconds() + 9)
    before = ended(context)
    clock.pass_by(seconds=2)
    assert (before, ended(context)) == ([], ["inactivity_timeout_secs: no output for 300 s"])


def test_an_agent_without_files_is_not_ended(
    context: Context, clock: Clock, directory: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files can disappear after progress.json was read."""
    monkeypatch.setattr(Snapshot, "progress", lambda *_: Progress(step="ann"))
    clock.pass_by(hours=1)
    assert (os.path.exists(directory.progress), ended(context)) == (False, [])


def test_a_silent_setup_is_not_ended(context: Context, clock: Clock, directory: RunDirectory) -> None:
    write_files(directory, Progress(step="web"), after=0)
    clock.pass_by(hours=1)
    assert ended(context) == []


def test_an_agent_that_waits_for_a_rate_limit_is_not_silent(
    context: Context, clock: Clock, directory: RunDirectory
) -> None:
    until = NOW + timedelta(hours=1)
    write_files(directory, Progress(step="ann", waiting_until=until.timestamp()), after=0)
    clock.pass_by(hours=1)
    assert ended(context) == []


def test_no_step_outlives_max_wall_secs(context: Context, clock: Clock, directory: RunDirectory) -> None:
    write_files(directory, Progress(step="web"), after=0)
    clock.pass_by(hours=4, minutes=1)
    assert ended(context) == ["max_wall_secs: longer than 14400 s"]


@pytest.mark.parametrize("days", [9, 20_000_000])
def test_an_impossible_wait_counts_as_silence(
    context: Context, clock: Clock, directory: RunDirectory, days: int
) -> None:
    """The second value is a time in milliseconds read as seconds: it is after the year 9999."""
    until = NOW.timestamp() + timedelta(days=1).total_seconds() * days
    limit = RateLimit(is_hard=True, resets_at=until)
    write_files(directory, Progress(step="ann", waiting_until=until, rate_limit=limit), after=0)
    clock.pass_by(hours=1)
    assert ended(context) == ["inactivity_timeout_secs: no output for 300 s"]


def limited(*, is_hard: bool = True, hours: int = 5) -> Progress:
    until = (NOW + timedelta(hours=hours)).timestamp()
    return Progress(step="ann", rate_limit=RateLimit(is_hard, until, "five hour limit"))


def accounts(context: Context) -> list[Account]:
    with context.store.reading() as db:
        return [limit.account for limit in rate_limits.in_force(db, context.now())]


def test_a_limit_that_a_live_run_waits_for_blocks_its_account_once(
    context: Context, directory: RunDirectory
) -> None:
    write_files(directory, limited(), after=0)
    rounds = [[done.step.verb.value for done in run_pass(context, WATCHDOG).results] for _ in range(2)]
    assert (rounds, accounts(context)) == ([["hold_account"], []], [Account("command", "")])


@pytest.mark.parametrize("now", [Progress(step="ann"), limited(is_hard=False)])
def test_a_limit_that_ended_before_the_step_blocks_no_account(
    context: Context, directory: RunDirectory, now: Progress
) -> None:
    write_files(directory, limited(), after=0)
    with context.store.reading() as db:
        (action,) = plan(take_snapshot(context, db))
    write_files(directory, now, after=0)
    with pytest.raises(Overtaken):
        apply(context, action)
    assert accounts(context) == []


def spends(context: Context, story: int, agent: str, *, usd: float) -> RunDirectory:
    """Make a live run with this reported cost. The caller closes its lock."""
    import_story(context.store, Coding(), number=StoryId(story))
    with context.store.exclusive() as db:
        new_run = RunClaim(
            StoryId(story), RunKind.CODER, stories.load(db, StoryId(story)).visit, agent, "command"
        )
        run = runs.claim(db, new_run, actor="test", now=context.now()).id
    directory = RunDirectory(context.project.run_dir(run))
    os.makedirs(directory.path)
    write_cost(directory, usd)
    return directory


def write_cost(directory: RunDirectory, usd: float) -> None:
    progress = Progress(step="web", usage={"m": Usage(cost_usd=usd)}, cost_usd=usd)
    with open(directory.progress, "w") as file:
        json.dump(asdict(progress), file)


@contextmanager
def alive(*directories: RunDirectory) -> Iterator[None]:
    locks = [take_lock(directory) for directory in directories]
    try:
        yield
    finally:
        for lock in locks:
            assert lock is not None
            os.close(lock)


def test_a_run_over_midnight_counts_for_the_budget_of_its_first_day(context: Context, clock: Clock) -> None:
    """With a budget of 1 USD a day, 0.9 of yesterday and 0.2 of today exceed neither day."""
    context.project.project_toml.write_text('timezone = "Asia/Tokyo"\n[budget]\nper_day_usd = 1.0\n')
    clock.now = NOW.replace(hour=14, minute=59)
    yesterdays = spends(context, 1, "ann", usd=0.9)
    run_pass(context, COST_ROLLUP)
    clock.pass_by(minutes=2)
    todays = spends(context, 2, "bob", usd=0.2)
    with alive(yesterdays, todays):
        before = ended(context)
        run_pass(context, COST_ROLLUP)
        recorded = ended(context)
        write_cost(yesterdays, 1.1)
        exceeded = ended(context)
    assert (before, recorded, exceeded) == ([], [], ["budget.per_day_usd: 1.1000 of 1.0000"])


def test_live_runs_that_exceed_the_budget_of_the_day_together_are_all_killed(context: Context) -> None:
    context.project.project_toml.write_text("[budget]\nper_day_usd = 1.0\n")
    with alive(spends(context, 1, "ann", usd=0.6), spends(context, 2, "bob", usd=0.5)):
        before = ended(context)
        run_pass(context, COST_ROLLUP)
        assert (before, ended(context)) == (["budget.per_day_usd: 1.1000 of 1.0000"] * 2,) * 2
