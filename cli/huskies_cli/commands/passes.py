"""The passes as commands, each alone or in the order of `reconcile`."""

from collections.abc import Callable
from functools import partial

import typer

from huskies_cli.options import DryRun, Wait
from huskies_cli.output import Result
from huskies_cli.progress import shown
from huskies_cli.reports import result_of
from huskies_cli.session import session_of
from huskies_core.context import Context, open_context
from huskies_core.passes import pass_runner, pass_sequence
from huskies_core.passes.steps import PassReport
from huskies_core.runs.authorization import refuse_inside_run

Run = Callable[[Context], tuple[PassReport, ...]]


def reconcile(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Run the passes that repair and clean up, in order.

    These are gc, worktrees, archive-done, cost-rollup, merge-recovery, merge-block and audit-log. Running it again
    changes nothing.
    """
    return run_passes(ctx, "reconcile", partial(pass_sequence.reconcile, dry_run=dry_run, wait=wait or 0.0))


def watchdog(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """End dead, silent and over-limit runs.

    Where it ended any, auto-assign runs next.
    """
    return run_passes(ctx, "watchdog", partial(pass_sequence.watchdog, dry_run=dry_run, wait=wait or 0.0))


def auto_assign(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Promote ready stories, start agents and merges."""
    return _one(ctx, "auto-assign", dry_run=dry_run, wait=wait)


def gc(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Purge what finished stories left and what is past retention."""
    return _one(ctx, "gc", dry_run=dry_run, wait=wait)


def worktrees(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Make missing worktrees, remove those of finished stories.

    Work that is nowhere else is kept under refs/huskies/rescue first.
    """
    return _one(ctx, "worktrees", dry_run=dry_run, wait=wait)


def archive_done(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Archive stories that have been done for long enough.

    Epics whose members are all over are closed, too.
    """
    return _one(ctx, "archive-done", dry_run=dry_run, wait=wait)


def cost_rollup(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Take in what runs have used.

    Of live ones what they tell; of those that crashed what the whole of their output says.
    """
    return _one(ctx, "cost-rollup", dry_run=dry_run, wait=wait)


def merge_recovery(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Do what follows each merge failure."""
    return _one(ctx, "merge-recovery", dry_run=dry_run, wait=wait)


def merge_block(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Block stories whose merges keep failing."""
    return _one(ctx, "merge-block", dry_run=dry_run, wait=wait)


def audit_log(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Append new transitions to the audit log."""
    return _one(ctx, "audit-log", dry_run=dry_run, wait=wait)


def fire_timers(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Fire the timers whose time has come."""
    return _one(ctx, "fire-timers", dry_run=dry_run, wait=wait)


def fire_triggers(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Show new transitions to the triggers."""
    return _one(ctx, "fire-triggers", dry_run=dry_run, wait=wait)


def relay(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Send new transitions to the gateway.

    Does nothing unless gateway_url or HUSKIES_GATEWAY_URL is set. What the gateway could not take is sent again: after
    a second, and then after ever longer waits up to a minute.
    """
    return _one(ctx, "relay", dry_run=dry_run, wait=wait)


def run_passes(ctx: typer.Context, name: str, run: Run) -> Result:
    """Opens the project, refuses a call from inside a run, and reports what the passes did."""
    session = session_of(ctx)
    with open_context(session.start) as context, shown(session) as context.progress:
        refuse_inside_run(context)
        return result_of(name, run(context))


def _one(ctx: typer.Context, name: str, *, dry_run: bool, wait: float | None) -> Result:
    chosen = [pass_sequence.PASSES[name]]
    return run_passes(
        ctx,
        name,
        lambda context: pass_runner.run_passes(context, chosen, dry_run=dry_run, wait=wait or 0.0),
    )
