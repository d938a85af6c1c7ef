"""The rule for calls from inside a run: an agent reports on its own story, as its kind of run allows."""

from huskies_core.context import Context
from huskies_core.runs.authorization import refusal
from huskies_core.store import runs
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Run, RunKind


def own_run(context: Context, db: Connection, story: int, *kinds: RunKind) -> Run | None:
    """Return the live run of `story` that calls, or None for a person.

    Raise HuskiesError `inside_a_run` for a run of another story or of another kind, and for one that has ended.
    """
    if context.inside_run is None:
        return None
    run = runs.find(db, context.inside_run)
    if run is None or not run.is_live:
        raise refusal(context.inside_run, "this run has ended")
    if run.story != story:
        raise refusal(run.id, f"a run of story {run.story} cannot change story {story}")
    if kinds and run.kind not in kinds:
        raise refusal(run.id, f"a {run.kind.value} run cannot report this")
    return run
