"""watchdog: ends runs that are dead, that their stories left, or that outlived a limit their supervisor should hold."""

import os
from collections.abc import Iterable
from datetime import datetime, timedelta

from huskies_core.clock import from_iso, midnight, next_midnight
from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.passes.dead_runs import end_dead_run, is_dead, release_of
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.runs.account_limits import account_of, block_account, blocks_account, reset_of
from huskies_core.runs.stop import stop_run
from huskies_core.runtimes.interface import believed
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import runs, stories, usage
from huskies_core.store.runs import Outcome, Run
from huskies_core.supervisor.run_directory import RunDirectory

GRACE = timedelta(seconds=30)
"""How long past a limit the supervisor is given to act on it by itself."""


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    actions = (_action_for(snapshot, run) for run in snapshot.live)
    return tuple(action for action in actions if action is not None)


def apply(context: Context, action: PlannedStep) -> str:
    assert action.run is not None
    if action.verb is Verb.HOLD_ACCOUNT:
        return _hold_account(context, action)
    if action.verb is Verb.KILL_RUN:
        stop_run(context, action.run, Outcome(action.subject), action.detail)
        return action.detail
    return end_dead_run(context, action)


def _action_for(snapshot: Snapshot, run: Run) -> PlannedStep | None:
    if is_dead(snapshot.context, run):
        return release_of(snapshot.context, run)
    if stories.load(snapshot.db, run.story).visit != run.visit:
        return _kill(run, Outcome.CANCELLED, "its story left the stage")
    why = _overrun(snapshot, run) or _overspent(snapshot, run)
    return _waited_out(snapshot, run) if why is None else _kill(run, Outcome.LIMIT, why)


def _overspent(snapshot: Snapshot, run: Run) -> str | None:
    """A budget that all runs of the story, or of the day, have used up together: its supervisor knows its own alone."""
    budget = snapshot.config.project.budget
    if run.agent is None:
        return None
    of_story = [one for one in snapshot.live if one.story == run.story]
    if budget.per_story_usd is not None:
        spent = usage.spent_on_story(snapshot.db, run.story, without=_ids(of_story)) + _so_far(
            snapshot, of_story
        )
        if spent >= budget.per_story_usd:
            return f"budget.per_story_usd: {spent:.4f} of {budget.per_story_usd:.4f}"
    if budget.per_day_usd is not None:
        of_day = _spent_on_day_of(snapshot, run)
        if of_day >= budget.per_day_usd:
            return f"budget.per_day_usd: {of_day:.4f} of {budget.per_day_usd:.4f}"
    return None


def _spent_on_day_of(snapshot: Snapshot, run: Run) -> float:
    """US dollars of the day that a run belongs to, by which `cost` and the next start count, too: after midnight it is
    still the day on which it first told of any."""
    zone = snapshot.config.project.timezone
    begin, end = (day_of(_first_told(snapshot, run), zone) for day_of in (midnight, next_midnight))
    same = [one for one in snapshot.live if begin <= _first_told(snapshot, one) < end]
    return usage.spent_between(snapshot.db, begin, end, without=_ids(same)) + _so_far(snapshot, same)


def _first_told(snapshot: Snapshot, run: Run) -> datetime:
    return usage.first_used(snapshot.db, run.id) or snapshot.now


def _ids(live: Iterable[Run]) -> tuple[int, ...]:
    return tuple(run.id for run in live)


def _so_far(snapshot: Snapshot, live: Iterable[Run]) -> float:
    """US dollars that live runs have told of."""
    told = (snapshot.progress(run) for run in live if run.agent is not None)
    return sum(progress.cost_usd for progress in told if progress is not None)


def _waited_out(snapshot: Snapshot, run: Run) -> PlannedStep | None:
    """A limit that a live run waits out by itself holds its account all the same: the others need not find it, too."""
    account, progress = account_of(run), snapshot.progress(run)
    told = None if progress is None else progress.rate_limit
    resets_at = reset_of(told)
    if account is None or told is None or resets_at is None or not blocks_account(told, snapshot.now):
        return None
    if any(limit.account == account and limit.until >= resets_at for limit in snapshot.limits):
        return None
    detail = f"{account} is at its limit: {told.detail}"
    return PlannedStep(Verb.HOLD_ACCOUNT, run.story, detail, run=run.id)


def _hold_account(context: Context, action: PlannedStep) -> str:
    """Holds it unless the model has answered meanwhile, or the run has ended: that told what holds then."""
    assert action.run is not None
    now = context.now()
    with context.store.exclusive() as db:
        run = runs.load(db, action.run)
        progress = RunDirectory(context.project.run_dir(run.id)).read_progress()
        account, told = account_of(run), None if progress is None else progress.rate_limit
        if account is None or not run.is_live or not blocks_account(told, now):
            raise Overtaken(f"run {run.id} waits no more", code="stale", subject=str(run.id))
        block_account(db, account, told, actor=context.actor, now=now)
    return action.detail


def _kill(run: Run, outcome: Outcome, why: str) -> PlannedStep:
    return PlannedStep(Verb.KILL_RUN, run.story, why, run=run.id, subject=outcome.value)


def _overrun(snapshot: Snapshot, run: Run) -> str | None:
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
    """None while it is not the agent that runs: a setup may be silent for as long as its own time-out. None, too, when
    its account cannot be read: the supervisor holds the limits.

    progress.json is written when a step begins and when a figure changes. A wait for a rate limit that the agent has
    told of is not silence.
    """
    directory, progress = RunDirectory(snapshot.project.run_dir(run.id)), snapshot.progress(run)
    if progress is None or progress.step != agent.name:
        return None
    files = (directory.progress, directory.output)
    signs = [os.stat(path).st_mtime for path in files if os.path.exists(path)]
    waits = believed(progress.waiting_until, snapshot.now.timestamp()) or 0.0
    return datetime.fromtimestamp(max(*signs, waits), tz=snapshot.now.tzinfo)


WATCHDOG = Pass("watchdog", plan, one_by_one(apply))
