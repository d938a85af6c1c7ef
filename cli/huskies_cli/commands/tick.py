"""`huskies tick`: what cron calls. With nothing due it is answered in `huskies_cli.fast`, without this module."""

from functools import partial

import typer

from huskies_cli.commands.passes import run_passes
from huskies_cli.options import DryRun, Wait
from huskies_cli.output import Result
from huskies_core.passes import pass_sequence


def tick(ctx: typer.Context, dry_run: DryRun = False, wait: Wait = None) -> Result:
    """Run what is due.

    Records the runs that ended, then runs watchdog and reconcile when their intervals have passed, and auto-assign
    when anything happened. Fit for cron each minute and for a loop each second alike.
    """
    return run_passes(ctx, "tick", partial(pass_sequence.tick, dry_run=dry_run, wait=wait or 0.0))
