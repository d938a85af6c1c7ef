"""gc: remove data past its retention, and the content of terminal stories."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import ModuleType

from huskies_core.config.records import Config
from huskies_core.context import Context
from huskies_core.git.rescue import expire_rescues, has_rescues_before
from huskies_core.humanize import format_count
from huskies_core.ids import RunId
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, RunStep, StoryStep, Verb
from huskies_core.sanitize import is_number
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import content, executions, gate_passes, notifications, runs

_TABLES = {
    Verb.EXPIRE_GATE_PASSES: (gate_passes, "passes"),
    Verb.EXPIRE_FIRINGS: (executions, "executions"),
    Verb.EXPIRE_NOTIFICATIONS: (notifications, "notifications"),
}
"""The tables with rows that expire."""


class PurgeContent(StoryStep, frozen=True):
    """Remove the content of a terminal story."""


class RemoveRunDirectory(RunStep, frozen=True):
    """Remove the directory of a run that ended before the retention time."""


class ExpireRescues(PlannedStep, frozen=True):
    """Remove old rescue refs."""


class ExpireRows(PlannedStep, frozen=True, kw_only=True):
    table: ModuleType


GcStep = PurgeContent | RemoveRunDirectory | ExpireRescues | ExpireRows


def plan(snapshot: Snapshot) -> Iterator[GcStep]:
    limit = cutoff(snapshot.config, snapshot.now)
    for story, keys in content.left_over(snapshot.db):
        yield PurgeContent(Verb.PURGE_CONTENT, format_count(keys, "key"), story=story)
    for run in _old_run_directories(snapshot, limit):
        yield RemoveRunDirectory(Verb.REMOVE_RUN_DIRECTORY, detail=f"run {run}", run=run)
    if has_rescues_before(snapshot.project, limit):
        yield ExpireRescues(Verb.EXPIRE_RESCUE, detail=f"rescue refs from before {limit.date()}")
    for verb, (table, noun) in _TABLES.items():
        if table.has_before(snapshot.db, limit):
            yield ExpireRows(verb, detail=f"{noun} from before {limit.date()}", table=table)


def apply(context: Context, step: GcStep) -> str:
    limit = cutoff(context.config, context.now())
    match step:
        case PurgeContent():
            with context.store.exclusive() as db:
                content.purge(db, step.story)
            return ""
        case RemoveRunDirectory():
            shutil.rmtree(context.project.run_dir(step.run))
            return ""
        case ExpireRescues():
            return ", ".join(rescue.ref for rescue in expire_rescues(context.repository, older_than=limit))
        case ExpireRows():
            with context.store.exclusive() as db:
                return str(step.table.expire(db, limit))


def cutoff(config: Config, now: datetime) -> datetime:
    """Return the time before which data is past its retention."""
    return now - timedelta(days=config.project.retention_days)


def _old_run_directories(snapshot: Snapshot, limit: datetime) -> list[RunId]:
    """Return the runs that ended before `limit` and have a directory. Read no rows if no directory exists."""
    present = [RunId(int(path.name)) for path in snapshot.project.runs_dir.glob("*") if is_number(path.name)]
    if not present:
        return []
    ended = runs.ended_before(snapshot.db, limit, least=min(present))
    return [run for run in present if run in ended]


GC = Pass("gc", plan, one_by_one(apply))
