"""Explaining one story: with what auto-assign would do next, so that who goes first is known."""

from huskies_core.context import Context
from huskies_core.passes import auto_assign
from huskies_core.passes.auto_assign import BeginRun
from huskies_core.runs.request import RunRequest
from huskies_core.scheduler.explanation import Explanation
from huskies_core.scheduler.explanation import explain as explained
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import stories


def explain(context: Context, story: int) -> Explanation:
    """Raises HuskiesError `not_found`, and `config_error` while the config does not load."""
    with context.store.reading() as db:
        found = stories.load(db, story)
        snapshot = take_snapshot(context, db)
        return explained(snapshot, found, next_starts(snapshot))


def next_starts(snapshot: Snapshot) -> tuple[RunRequest, ...]:
    """Return the runs that auto-assign would start now, in their order."""
    return tuple(step.request for step in auto_assign.plan(snapshot) if isinstance(step, BeginRun))
