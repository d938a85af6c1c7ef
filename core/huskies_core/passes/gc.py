"""gc: nothing is kept of what is over: content of terminal stories, run directories and rescue refs past retention."""

import shutil
from datetime import datetime, timedelta

from huskies_core.config.records import Config
from huskies_core.context import Context
from huskies_core.git.rescue import expire_rescues, has_rescues_before
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.sanitize import is_number
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import content, executions, gate_passes, notifications, runs


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    kept = (
        PlannedStep(Verb.PURGE_CONTENT, story, f"{keys} key{'' if keys == 1 else 's'}")
        for story, keys in content.left_over(snapshot.db)
    )
    old = (*_old_run_directories(snapshot), *_old_rescues(snapshot), *_old_gate_passes(snapshot))
    return (*kept, *old, *_old_firings(snapshot), *_old_notifications(snapshot))


def apply(context: Context, action: PlannedStep) -> str:
    match action.verb:
        case Verb.PURGE_CONTENT:
            return _purge(context, action)
        case Verb.REMOVE_RUN_DIRECTORY:
            shutil.rmtree(context.project.run_dir(int(action.subject)))
            return ""
        case Verb.EXPIRE_FIRINGS:
            with context.store.exclusive() as db:
                return str(executions.expire(db, cutoff(context.config, context.now())))
        case Verb.EXPIRE_NOTIFICATIONS:
            with context.store.exclusive() as db:
                return str(notifications.expire(db, cutoff(context.config, context.now())))
        case Verb.EXPIRE_GATE_PASSES:
            with context.store.exclusive() as db:
                return str(gate_passes.expire(db, cutoff(context.config, context.now())))
        case _:
            expired = expire_rescues(context.repository, older_than=cutoff(context.config, context.now()))
            return ", ".join(rescue.ref for rescue in expired)


def cutoff(config: Config, now: datetime) -> datetime:
    """What is older than this is past retention."""
    return now - timedelta(days=config.project.retention_days)


def _old_run_directories(snapshot: Snapshot) -> list[PlannedStep]:
    """Directories of runs that ended past retention; only what is on the disk is asked for."""
    present = [int(path.name) for path in snapshot.project.runs_dir.glob("*") if is_number(path.name)]
    if not present:
        return []
    over = runs.ended_before(snapshot.db, cutoff(snapshot.config, snapshot.now), least=min(present))
    return [
        PlannedStep(Verb.REMOVE_RUN_DIRECTORY, detail=f"run {run}", subject=str(run))
        for run in present
        if run in over
    ]


def _old_rescues(snapshot: Snapshot) -> list[PlannedStep]:
    limit = cutoff(snapshot.config, snapshot.now)
    if not has_rescues_before(snapshot.project, limit):
        return []
    return [PlannedStep(Verb.EXPIRE_RESCUE, detail=f"rescue refs from before {limit.date()}")]


def _old_gate_passes(snapshot: Snapshot) -> list[PlannedStep]:
    limit = cutoff(snapshot.config, snapshot.now)
    if not gate_passes.has_before(snapshot.db, limit):
        return []
    return [PlannedStep(Verb.EXPIRE_GATE_PASSES, detail=f"passes from before {limit.date()}")]


def _old_firings(snapshot: Snapshot) -> list[PlannedStep]:
    limit = cutoff(snapshot.config, snapshot.now)
    if not executions.has_before(snapshot.db, limit):
        return []
    return [PlannedStep(Verb.EXPIRE_FIRINGS, detail=f"firings from before {limit.date()}")]


def _old_notifications(snapshot: Snapshot) -> list[PlannedStep]:
    limit = cutoff(snapshot.config, snapshot.now)
    if not notifications.has_before(snapshot.db, limit):
        return []
    return [PlannedStep(Verb.EXPIRE_NOTIFICATIONS, detail=f"notifications from before {limit.date()}")]


def _purge(context: Context, action: PlannedStep) -> str:
    assert action.story is not None
    with context.store.exclusive() as db:
        content.purge(db, action.story)
    return ""


GC = Pass("gc", plan, one_by_one(apply))
