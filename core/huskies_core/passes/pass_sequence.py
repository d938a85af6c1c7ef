"""The orders of passes: what reconcile, tick, watchdog and the end of a run promise to run, and when each is due."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from huskies_core.context import Context
from huskies_core.passes import due
from huskies_core.passes.actions import Outcome, PassReport, PlannedStep, StepResult, Verb
from huskies_core.passes.archive_done import ARCHIVE_DONE
from huskies_core.passes.audit_log import AUDIT_LOG
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.cost_rollup import COST_ROLLUP
from huskies_core.passes.dead_runs import dead_runs, end_dead_run
from huskies_core.passes.fire_timers import FIRE_TIMERS
from huskies_core.passes.fire_triggers import FIRE_TRIGGERS, is_behind
from huskies_core.passes.gc import GC
from huskies_core.passes.merge_block import MERGE_BLOCK
from huskies_core.passes.merge_recovery import MERGE_RECOVERY
from huskies_core.passes.notify import NOTIFY, note_notify
from huskies_core.passes.notify import is_due as is_notify_due
from huskies_core.passes.pass_runner import Pass, isolated, run_pass
from huskies_core.passes.relay import RELAY, is_due, note_gateway
from huskies_core.passes.watchdog import WATCHDOG
from huskies_core.passes.worktrees import WORKTREES
from huskies_core.store import cursors, executions, journal, metadata, pass_times, timers

RECONCILE = (GC, WORKTREES, ARCHIVE_DONE, COST_ROLLUP, MERGE_RECOVERY, MERGE_BLOCK, AUDIT_LOG)
AFTER_RUN = (AUTO_ASSIGN, MERGE_RECOVERY, MERGE_BLOCK, WORKTREES)
AT_LAST = (AUTO_ASSIGN, AUDIT_LOG)
"""The first auto-assign fires what the end means; what follows a failed merge is for the passes behind it."""
PASSES = {
    one.name: one for one in (*RECONCILE, AUTO_ASSIGN, WATCHDOG, FIRE_TIMERS, FIRE_TRIGGERS, NOTIFY, RELAY)
}


def run_in_order(
    context: Context, passes: Sequence[Pass], *, dry_run: bool = False, wait: float = 0.0
) -> tuple[PassReport, ...]:
    """Runs each pass under its own lock. One that fails is reported, and the next ones still run."""
    return tuple(_run_isolated(context, one, dry_run=dry_run, wait=wait) for one in passes)


def reconcile(context: Context, *, dry_run: bool = False, wait: float = 0.0) -> tuple[PassReport, ...]:
    """Everything that can be told from the state alone. Notes when it ran, unless dry."""
    reports = run_in_order(context, RECONCILE, dry_run=dry_run, wait=wait)
    if not dry_run:
        _note_config(context)
        _note(context, "reconcile", context.config.project.watcher.reconcile_interval_secs)
    return reports


def watchdog(context: Context, *, dry_run: bool = False, wait: float = 0.0) -> tuple[PassReport, ...]:
    """The watchdog and, where it found anything, auto-assign."""
    reports = run_in_order(context, [WATCHDOG], dry_run=dry_run, wait=wait)
    if not dry_run:
        _note(context, "watchdog", context.config.project.watcher.watchdog_interval_secs)
    if any(report.acted for report in reports):
        reports += run_in_order(context, [AUTO_ASSIGN], wait=wait)
    return reports


def after_run(context: Context) -> tuple[PassReport, ...]:
    """What the end of a run calls for: whatever the new stages need, and what triggers follow them, at once."""
    reports = run_in_order(context, AFTER_RUN)
    if _is_trigger_due(context):
        reports += run_in_order(context, [FIRE_TRIGGERS])
    return (*reports, *run_in_order(context, AT_LAST), *notify_due(context))


def tick(
    context: Context, *, dry_run: bool = False, wait: float = 0.0, relay: Pass | None = RELAY
) -> tuple[PassReport, ...]:
    """Runs what is due, and nothing else. Nothing due: nothing is written and no lock is taken.

    People are told next to last, in a process of its own. The relay is last: a gateway that is slow to answer holds
    nothing up. None leaves it to somebody else.

    With a config that does not load, runs are ended and that is said; nothing else is safe to do.
    """
    reports = _end_dead(context, dry_run=dry_run)
    broken = isolated(PlannedStep(Verb.RUN_PASS), partial(_check_config, context, dry_run=dry_run))
    if broken.error:
        return (*reports, PassReport("config", failure=broken))
    if _is_timer_due(context):
        reports += run_in_order(context, [FIRE_TIMERS], dry_run=dry_run, wait=wait)
    if _is_trigger_due(context):
        reports += run_in_order(context, [FIRE_TRIGGERS], dry_run=dry_run, wait=wait)
    if _is_audit_behind(context):
        reports += run_in_order(context, [AUDIT_LOG], dry_run=dry_run, wait=wait)
    if _is_due(context, "watchdog"):
        reports += watchdog(context, dry_run=dry_run, wait=wait)
    if _is_due(context, "reconcile"):
        reports += reconcile(context, dry_run=dry_run, wait=wait)
    acted = any(report.acted for report in reports)
    if acted or _is_behind(context, AUTO_ASSIGN.name) or _is_waked(context, AUTO_ASSIGN.name):
        reports += run_in_order(context, [AUTO_ASSIGN], dry_run=dry_run, wait=wait)
    reports += notify_due(context, dry_run=dry_run, wait=wait)
    return reports + relay_due(context, relay, dry_run=dry_run, wait=wait)


def notify_people(context: Context, *, dry_run: bool = False, wait: float = 0.0) -> tuple[PassReport, ...]:
    """The pass as a person calls it: now, however short ago the last message was."""
    if not dry_run:
        note_notify(context)
    return run_in_order(context, [NOTIFY], dry_run=dry_run, wait=wait)


def notify_due(context: Context, *, dry_run: bool = False, wait: float = 0.0) -> tuple[PassReport, ...]:
    """Has people told, where there is something and the last message is long enough ago."""
    return run_in_order(context, [NOTIFY], dry_run=dry_run, wait=wait) if is_notify_due(context) else ()


def relay_due(
    context: Context, relay: Pass | None, *, dry_run: bool = False, wait: float = 0.0
) -> tuple[PassReport, ...]:
    """The relay, where there is something to send and no wait to be waited."""
    if relay is None or not is_due(context):
        return ()
    return run_in_order(context, [relay], dry_run=dry_run, wait=wait)


def _run_isolated(context: Context, one: Pass, *, dry_run: bool, wait: float) -> PassReport:
    reports: list[PassReport] = []

    context.progress(one.name, 0, 0)

    def run() -> str:
        reports.append(run_pass(context, one, dry_run=dry_run, wait=wait))
        return ""

    outcome = isolated(PlannedStep(Verb.RUN_PASS, subject=one.name), run)
    return reports[0] if reports else PassReport(one.name, failure=outcome)


def _end_dead(context: Context, *, dry_run: bool) -> tuple[PassReport, ...]:
    """Ends at once the live runs whose lock is free. Needs no config: an end must be recorded whatever it says."""
    with context.store.reading() as db:
        dead = dead_runs(context, db)
    if not dead:
        return ()
    if dry_run:
        return (PassReport("watchdog", tuple(StepResult(one, Outcome.PLANNED, one.detail) for one in dead)),)
    with context.acting_as("pass:watchdog"):
        done = tuple(isolated(one, partial(end_dead_run, context, one)) for one in dead)
    return (PassReport("watchdog", done),)


def _check_config(context: Context, *, dry_run: bool) -> str:
    """Loads the config, and remembers what it says and what the files looked like, so that an idle tick need not read
    them."""
    stamp = due.config_stamp(str(context.project.state_dir))
    _ = context.config
    if not dry_run:
        _note_config(context)
    with context.store.reading() as db:
        known = metadata.get(db, metadata.CONFIG_STAMP)
    if known == stamp or dry_run:
        return ""
    with context.store.exclusive() as db:
        metadata.put(db, metadata.CONFIG_STAMP, stamp)
        pass_times.bring_forward(db, AUTO_ASSIGN.name, context.now())
    return ""


def _note_config(context: Context) -> None:
    note_gateway(context)
    note_notify(context)


def _note(context: Context, name: str, interval: int) -> None:
    now = context.now()
    with context.store.exclusive() as db:
        pass_times.record(db, name, last_at=now, due_at=now + timedelta(seconds=interval))


def _is_due(context: Context, name: str) -> bool:
    """A pass of an interval is due when that has passed; one that never ran is due."""
    with context.store.reading() as db:
        times = pass_times.get(db, name)
    return times.due_at is None or times.is_come(context.now())


def _is_waked(context: Context, name: str) -> bool:
    """A pass without an interval is due when something it waits for has come."""
    with context.store.reading() as db:
        return pass_times.get(db, name).is_come(context.now())


def _is_behind(context: Context, name: str) -> bool:
    with context.store.reading() as db:
        return journal.head(db) > cursors.get(db, name)


def _is_timer_due(context: Context) -> bool:
    """Whether a time has come, or a tool call that a timer began may have been left."""
    with context.store.reading() as db:
        return timers.is_any_due(db, context.now()) or bool(executions.still_open(db, journal.Kind.TIMER))


def _is_trigger_due(context: Context) -> bool:
    with context.store.reading() as db:
        return is_behind(db) or bool(executions.still_open(db, journal.Kind.TRIGGER))


def _is_audit_behind(context: Context) -> bool:
    with context.store.reading() as db:
        return journal.count_audited_after(db, cursors.get(db, AUDIT_LOG.name), most=1) > 0
