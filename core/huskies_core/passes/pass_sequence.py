"""The sequences of passes that reconcile, tick, watchdog and the end of a run execute, and when each pass is due."""

import os
from datetime import timedelta
from functools import partial

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId
from huskies_core.passes import due, notify
from huskies_core.passes import relay as gateway_relay
from huskies_core.passes.audit_log import AUDIT_LOG
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.cost_rollup import COST_ROLLUP
from huskies_core.passes.executions import FIRE_TIMERS, FIRE_TRIGGERS
from huskies_core.passes.gc import GC
from huskies_core.passes.notify import NOTIFY
from huskies_core.passes.pass_runner import AnyPass, one_by_one, run_passes
from huskies_core.passes.relay import RELAY
from huskies_core.passes.steps import PassReport, attempt
from huskies_core.passes.story_steps import ARCHIVE_DONE, MERGE_BLOCK, MERGE_RECOVERY
from huskies_core.passes.watchdog import WATCHDOG, dead_runs, end_dead_run
from huskies_core.passes.worktrees import WORKTREES
from huskies_core.runs.end import end_run
from huskies_core.store import metadata, pass_times, runs
from huskies_core.store.due import due_passes
from huskies_core.supervisor.run_directory import RunDirectory, adopt_lock, take_lock

RECONCILE = (GC, WORKTREES, ARCHIVE_DONE, COST_ROLLUP, MERGE_RECOVERY, MERGE_BLOCK, AUDIT_LOG)
AFTER_RUN = (AUTO_ASSIGN, MERGE_RECOVERY, MERGE_BLOCK, WORKTREES)
AT_LAST = (AUTO_ASSIGN, AUDIT_LOG)
"""The first auto-assign applies the event after the end of the run, the last one follows from the passes between."""
BY_JOURNAL = (FIRE_TIMERS, FIRE_TRIGGERS, AUDIT_LOG)
"""The passes that a tick runs before those with an interval."""
_ALL: tuple[AnyPass, ...] = (*RECONCILE, AUTO_ASSIGN, WATCHDOG, FIRE_TIMERS, FIRE_TRIGGERS, NOTIFY, RELAY)
PASSES = {chosen.name: chosen for chosen in _ALL}


def reconcile(context: Context, *, dry_run: bool = False, wait: float = 0.0) -> tuple[PassReport, ...]:
    """Run the passes that compare the whole store with the desired state. Record the time unless it is a dry run."""
    reports = run_passes(context, RECONCILE, dry_run=dry_run, wait=wait)
    if not dry_run:
        _note_config(context)
        _record_time(context, "reconcile", context.config.project.watcher.reconcile_interval_secs)
    return reports


def watchdog(context: Context, *, dry_run: bool = False, wait: float = 0.0) -> tuple[PassReport, ...]:
    """Run the watchdog, and auto-assign if the watchdog acted."""
    reports = run_passes(context, [WATCHDOG], dry_run=dry_run, wait=wait)
    if not dry_run:
        _record_time(context, "watchdog", context.config.project.watcher.watchdog_interval_secs)
    if any(report.acted for report in reports):
        reports += run_passes(context, [AUTO_ASSIGN], wait=wait)
    return reports


def advance_run(context: Context, run: RunId) -> tuple[PassReport, ...]:
    """Record the end of a run, which needs no configuration, and run the passes that follow.

    A recorded end does not change. If the process is killed after the record, the next tick runs the passes. Raise
    HuskiesError `run_alive` if another process has the lock of the run.
    """
    with context.store.reading() as db:
        is_live = runs.load(db, run).is_live
    if is_live:
        _record_end(context, run)
    return after_run(context)


def after_run(context: Context) -> tuple[PassReport, ...]:
    """Run the passes that follow the end of a run, with due triggers and due notifications."""
    reports = run_passes(context, AFTER_RUN) + run_due(context, FIRE_TRIGGERS)
    return reports + run_passes(context, AT_LAST) + run_due(context, NOTIFY)


def tick(
    context: Context, *, dry_run: bool = False, wait: float = 0.0, relay: bool = True
) -> tuple[PassReport, ...]:
    """Run the passes that are due. If none is due, write nothing and take no lock.

    notify runs next to last and sends from its own process. relay runs last, so that a slow gateway delays no other
    pass; `relay` is false if another thread runs it. If the configuration does not load, only record the ends of
    dead runs and report the error.
    """
    reports = _end_dead_runs(context, dry_run=dry_run)
    with attempt() as attempted:
        _check_config(context, dry_run=dry_run)
    if attempted.code:
        return (*reports, PassReport("config", failure=attempted))

    if dry_run and WATCHDOG.name in _due(context):
        reports = ()  # The plan of the watchdog lists the dead runs, too.
    reports += run_due(context, *BY_JOURNAL, dry_run=dry_run, wait=wait)
    for name, run in (("watchdog", watchdog), ("reconcile", reconcile)):
        if name in _due(context):
            reports += run(context, dry_run=dry_run, wait=wait)
    if any(report.acted for report in reports):
        reports += run_passes(context, [AUTO_ASSIGN], dry_run=dry_run, wait=wait)
    else:
        reports += run_due(context, AUTO_ASSIGN, dry_run=dry_run, wait=wait)
    return reports + run_due(context, NOTIFY, *([RELAY] if relay else []), dry_run=dry_run, wait=wait)


def notify_people(context: Context, *, dry_run: bool = False, wait: float = 0.0) -> tuple[PassReport, ...]:
    """Run notify now, however recent the last message is."""
    if not dry_run:
        notify.note_notify(context)
    return run_passes(context, [NOTIFY], dry_run=dry_run, wait=wait)


def run_due(
    context: Context, *passes: AnyPass, dry_run: bool = False, wait: float = 0.0
) -> tuple[PassReport, ...]:
    """Run each of the passes if it is due when its turn comes."""
    reports: tuple[PassReport, ...] = ()
    for chosen in passes:
        if chosen.name in _due(context):
            reports += run_passes(context, [chosen], dry_run=dry_run, wait=wait)
    return reports


def _record_end(context: Context, number: RunId) -> None:
    """Record the end under the lock of the run, which the supervisor hands over to this process."""
    directory = RunDirectory(context.project.run_dir(number))
    lock = adopt_lock(directory, context.environ)
    if lock is None:
        lock = take_lock(directory)
    if lock is None:
        hint = f"'huskies run kill {number}' ends it."
        raise HuskiesError(f"run {number} is alive", hint=hint, code="run_alive", subject=str(number))
    try:
        with context.store.reading() as db:
            run = runs.load(db, number)
        end_run(context, run, context.now())
    finally:
        os.close(lock)


def _end_dead_runs(context: Context, *, dry_run: bool) -> tuple[PassReport, ...]:
    """Record the end of each live run with a free lock. This needs no configuration."""
    with context.store.reading() as db:
        dead = dead_runs(context, db)
    if not dead:
        return ()
    if dry_run:
        return (PassReport.of_plan("watchdog", dead),)
    with context.acting_as("pass:watchdog"):
        return (PassReport("watchdog", tuple(one_by_one(end_dead_run)(context, dead))),)


def _check_config(context: Context, *, dry_run: bool) -> None:
    """Load the configuration. Record its facts and the stamp of its files, so that an idle tick need not read them."""
    stamp = due.config_stamp(str(context.project.state_dir))
    _ = context.config
    if dry_run:
        return
    _note_config(context)
    with context.store.reading() as db:
        recorded = metadata.get(db, metadata.CONFIG_STAMP)
    if recorded == stamp:
        return
    with context.store.exclusive() as db:
        metadata.put(db, metadata.CONFIG_STAMP, stamp)
        pass_times.bring_forward(db, AUTO_ASSIGN.name, context.now())


def _note_config(context: Context) -> None:
    gateway_relay.note_gateway(context)
    notify.note_notify(context)


def _record_time(context: Context, name: str, interval: int) -> None:
    now = context.now()
    with context.store.exclusive() as db:
        pass_times.record(db, name, last_at=now, due_at=now + timedelta(seconds=interval))


def _due(context: Context) -> frozenset[str]:
    """Return the names of the passes that are due now. The result can change between two passes of a tick."""
    state_dir = str(context.project.state_dir)
    with context.store.reading() as db:
        return due_passes(
            db,
            to_iso(context.now()),
            stamp=due.config_stamp(state_dir),
            gateway=bool(context.environ.get("HUSKIES_GATEWAY_URL")),
            is_dead=partial(due.is_dead, state_dir),
        )
