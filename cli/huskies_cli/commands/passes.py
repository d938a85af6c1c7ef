"""The passes as commands: each pass by itself, and the sequences `tick`, `reconcile` and `watchdog`."""

from collections.abc import Callable, Sequence
from typing import Annotated

from huskies_cli.command import OwnCommand
from huskies_cli.output import Result
from huskies_cli.progress import shown
from huskies_cli.reports import result_of
from huskies_cli.session import Session
from huskies_core.argument import Argument, parse_seconds
from huskies_core.context import Context
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.common_arguments import DryRun
from huskies_core.operations.operation import PASSES, Command
from huskies_core.passes import pass_runner, pass_sequence
from huskies_core.passes.steps import PassReport

Wait = Annotated[float | None, Argument("Wait this long for a lock.", metavar="SECS", parse=parse_seconds)]
RunPasses = Callable[..., Sequence[PassReport]]


def run_passes(
    session: Session, name: str, run: RunPasses, *, dry_run: bool = False, wait: float | None = None
) -> Result:
    """Run passes on the project and report their actions. Raise HuskiesError for a call from inside a run."""
    with session.open() as context, shown(session) as context.progress:
        refuse_inside_run(context)
        return result_of(name, run(context, dry_run=dry_run, wait=wait or 0.0))


def _sequence(name: str, run: RunPasses, text: str) -> OwnCommand:
    def act(session: Session, *, dry_run: DryRun = False, wait: Wait = None) -> Result:
        return run_passes(session, name, run, dry_run=dry_run, wait=wait)

    act.__doc__ = text
    return OwnCommand(Command(name, PASSES), act)


def _pass(name: str, text: str) -> OwnCommand:
    def run(context: Context, *, dry_run: bool, wait: float) -> Sequence[PassReport]:
        return pass_runner.run_passes(context, [pass_sequence.PASSES[name]], dry_run=dry_run, wait=wait)

    return _sequence(name, run, text)


tick = _sequence(
    "tick",
    pass_sequence.tick,
    "Run the passes that are due.\n\nThe command records the end of dead runs, then runs watchdog and reconcile if"
    " their intervals have passed, and auto-assign if anything changed. Call it from cron each minute, or from a loop"
    " each second.",
)
reconcile = _sequence(
    "reconcile",
    pass_sequence.reconcile,
    "Run the passes that repair and clean up, in order.\n\nThese are gc, worktrees, archive-done, cost-rollup,"
    " merge-recovery, merge-block and audit-log. A second run changes nothing.",
)
watchdog = _sequence(
    "watchdog",
    pass_sequence.watchdog,
    "End dead, silent and over-limit runs.\n\nIf the pass ends a run, auto-assign follows.",
)
auto_assign = _pass("auto-assign", "Promote ready stories, start agents and merges.")
gc = _pass("gc", "Remove content of finished stories and files past retention.")
worktrees = _pass(
    "worktrees",
    "Create missing worktrees and remove those of finished stories.\n\nWork that exists nowhere else is first kept"
    " under refs/huskies/rescue.",
)
archive_done = _pass(
    "archive-done",
    "Archive stories that have been done for long enough.\n\nEpics are closed when all their members have finished.",
)
cost_rollup = _pass(
    "cost-rollup",
    "Record the usage of runs.\n\nThis includes live runs. The usage of a crashed run is read from its whole output.",
)
merge_recovery = _pass("merge-recovery", "Apply the next step after each merge failure.")
merge_block = _pass("merge-block", "Block stories with repeated merge failures.")
audit_log = _pass("audit-log", "Append new transitions to the audit log.")
fire_timers = _pass("fire-timers", "Run the actions of timers that are due.")
fire_triggers = _pass("fire-triggers", "Run the actions of triggers that match new transitions.")
relay = _pass(
    "relay",
    "Send new transitions to the gateway.\n\nThe pass does nothing unless gateway_url or HUSKIES_GATEWAY_URL is set."
    " After an error it tries again after one second; each further error doubles this delay, up to a minute.",
)
