"""watchdog: end runs that are dead, that belong to a stage that their story has left, or that exceed a limit.

A free lock proves that a run is dead. Finding dead runs and recording their end requires no configuration.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from huskies_core.clock import from_iso, midnight, next_midnight
from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import RunStep, Verb
from huskies_core.runs.account_limits import account_of, block_account, blocks_account, reset_of
from huskies_core.runs.end import end_if_dead, stop_run
from huskies_core.runtimes.runtime import plausible_end
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import runs, stories, usage
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Outcome, Run
from huskies_core.supervisor.run_directory import RunDirectory, is_alive

GRACE = timedelta(seconds=30)
"""The time for the supervisor to act on a limit before the watchdog does."""


class EndDeadRun(RunStep, frozen=True):
    """Record the end of a run without a supervisor."""


class KillRun(RunStep, frozen=True, kw_only=True):
    outcome: Outcome


class HoldAccount(RunStep, frozen=True):
    """Block the account of a run that waits for its rate limit."""


WatchdogStep = EndDeadRun | KillRun | HoldAccount


def plan(snapshot: Snapshot) -> Iterator[WatchdogStep]:
    for run in snapshot.live:
        step = _step(snapshot, run)
        if step is not None:
            yield step


def apply(context: Context, step: WatchdogStep) -> str:
    match step:
        case EndDeadRun():
            return end_dead_run(context, step)
        case KillRun():
            stop_run(context, step.run, step.outcome, step.detail)
        case HoldAccount():
            _hold_account(context, step)
    return step.detail


def dead_runs(context: Context, db: Connection) -> tuple[EndDeadRun, ...]:
    """Return a step for each live run with a free lock."""
    return tuple(step for run in runs.live(db) if (step := _end_if_lock_is_free(context, run)) is not None)


def end_dead_run(context: Context, step: EndDeadRun) -> str:
    """Record the end of a dead run. Do nothing if it is recorded already."""
    with context.store.reading() as db:
        run = runs.load(db, step.run)
    end_if_dead(context, run, context.now())
    return step.detail


def _end_if_lock_is_free(context: Context, run: Run) -> EndDeadRun | None:
    """Return the step that records the end of a dead run; None while a process holds its lock."""
    directory = RunDirectory(context.project.run_dir(run.id))
    if is_alive(directory):
        return None
    # The step reads exit.json, not the plan: an unreadable file must fail only this run.
    ended = os.path.exists(directory.exit)
    why = "ended, not recorded" if ended else "its supervisor is dead"
    verb = Verb.END_RUN if ended else Verb.RELEASE_RUN
    return EndDeadRun(verb, run.story, f"run {run.id}: {why}", run=run.id)


def _step(snapshot: Snapshot, run: Run) -> WatchdogStep | None:
    dead = _end_if_lock_is_free(snapshot.context, run)
    if dead is not None:
        return dead
    if stories.load(snapshot.db, run.story).visit != run.visit:
        why = "its story left the stage"
        return KillRun(Verb.KILL_RUN, run.story, why, run=run.id, outcome=Outcome.CANCELLED)
    exceeded = _exceeded_limit(snapshot, run) or (_exceeded_budget(snapshot, run) if run.agent else None)
    if exceeded is not None:
        return KillRun(Verb.KILL_RUN, run.story, exceeded, run=run.id, outcome=Outcome.LIMIT)
    return _limited_account(snapshot, run)


def _exceeded_budget(snapshot: Snapshot, run: Run) -> str | None:
    """Return the exhausted budget of the story or the day. A supervisor knows only the cost of its own run."""
    budget = snapshot.config.project.budget
    limits = (
        ("per_story_usd", budget.per_story_usd, _spent_on_story_of),
        ("per_day_usd", budget.per_day_usd, _spent_on_day_of),
    )
    for key, limit, spent_on in limits:
        if limit is not None and (spent := spent_on(snapshot, run)) >= limit:
            return f"budget.{key}: {spent:.4f} of {limit:.4f}"
    return None


def _spent_on_story_of(snapshot: Snapshot, run: Run) -> float:
    live = [other for other in snapshot.live if other.story == run.story]
    recorded = usage.spent_on_story(snapshot.db, run.story, without=[other.id for other in live])
    return recorded + _cost_so_far(snapshot, live)


def _spent_on_day_of(snapshot: Snapshot, run: Run) -> float:
    """Return the cost in US dollars of the day of the run's first usage, even after midnight.

    `cost` and the start of the next run use the same rule.
    """
    zone = snapshot.config.project.timezone
    first_cost = _first_cost(snapshot, run)
    begin, end = midnight(first_cost, zone), next_midnight(first_cost, zone)
    live = [other for other in snapshot.live if begin <= _first_cost(snapshot, other) < end]
    recorded = usage.spent_between(snapshot.db, begin, end, without=[other.id for other in live])
    return recorded + _cost_so_far(snapshot, live)


def _first_cost(snapshot: Snapshot, run: Run) -> datetime:
    return usage.first_used(snapshot.db, run.id) or snapshot.now


def _cost_so_far(snapshot: Snapshot, live: Iterable[Run]) -> float:
    """Return the cost in US dollars that live runs report."""
    reports = (snapshot.progress(run) for run in live if run.agent is not None)
    return sum(progress.cost_usd for progress in reports if progress is not None)


def _limited_account(snapshot: Snapshot, run: Run) -> HoldAccount | None:
    """Return the step that blocks the account of a run that waits for its rate limit, or None.

    The block keeps other runs from reaching the same limit.
    """
    account, progress = account_of(run), snapshot.progress(run)
    limit = None if progress is None else progress.rate_limit
    resets_at = reset_of(limit)
    if account is None or limit is None or resets_at is None or not blocks_account(limit, snapshot.now):
        return None
    if any(known.account == account and known.until >= resets_at for known in snapshot.limits):
        return None
    detail = f"{account} is at its limit: {limit.detail}"
    return HoldAccount(Verb.HOLD_ACCOUNT, run.story, detail, run=run.id)


def _hold_account(context: Context, step: HoldAccount) -> None:
    """Block the account. Raise Overtaken if the model has answered since, or the run has ended."""
    now = context.now()
    with context.store.exclusive() as db:
        run = runs.load(db, step.run)
        progress = RunDirectory(context.project.run_dir(run.id)).read_progress()
        account, limit = account_of(run), None if progress is None else progress.rate_limit
        if account is None or not run.is_live or not blocks_account(limit, now):
            raise Overtaken(f"run {run.id} no longer waits", code="stale", subject=str(run.id))
        block_account(db, account, limit, actor=context.actor, now=now)


def _exceeded_limit(snapshot: Snapshot, run: Run) -> str | None:
    agent = snapshot.config.agent(run.agent) if run.agent else None
    if agent is None:
        return None
    started = from_iso(run.started_at)
    if snapshot.now > started + timedelta(seconds=agent.max_wall_secs) + GRACE:
        return f"max_wall_secs: longer than {agent.max_wall_secs} s"
    silent_since = _silent_since(snapshot, agent, run)
    allowed = timedelta(seconds=agent.inactivity_timeout_secs)
    if silent_since is not None and snapshot.now > silent_since + allowed + GRACE:
        return f"inactivity_timeout_secs: no output for {agent.inactivity_timeout_secs} s"
    return None


def _silent_since(snapshot: Snapshot, agent: Agent, run: Run) -> datetime | None:
    """Return the time of the agent's last output or progress; None if the agent's step is not running.

    Return None, too, without a readable progress.json: then only the supervisor enforces the limit. It writes
    progress.json when a step begins and when a figure changes. A setup step may be silent until its own timeout. A wait
    for a rate limit that the agent reported is not silence.
    """
    directory, progress = RunDirectory(snapshot.project.run_dir(run.id)), snapshot.progress(run)
    if progress is None or progress.step != agent.name:
        return None
    times = []
    for path in (directory.progress, directory.output):
        with suppress(FileNotFoundError):
            times.append(os.stat(path).st_mtime)
    wait_end = plausible_end(progress.waiting_until, snapshot.now.timestamp())
    if wait_end is not None:
        times.append(wait_end)
    return datetime.fromtimestamp(max(times), tz=snapshot.now.tzinfo) if times else None


WATCHDOG = Pass("watchdog", plan, one_by_one(apply))
