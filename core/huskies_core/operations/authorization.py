"""What an agent may say from inside its run: of its own story, and what its kind of run is for."""

from huskies_core.context import Context
from huskies_core.runs.authorization import refusal
from huskies_core.store import runs
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Run, RunKind


def own_run(context: Context, db: Connection, story: int, *kinds: RunKind) -> Run | None:
    """The live run of `story` that calls, or None when a person does.

    Raises HuskiesError `inside_a_run` when it is another story's run, one that has ended, or of no such kind.
    """
    if context.inside_run is None:
        return None
    run = runs.find(db, context.inside_run)
    if run is None or not run.is_live:
        raise refusal(context.inside_run, "this run is over")
    if run.story != story:
        raise refusal(run.id, f"a run of story {run.story} has no say in story {story}")
    if kinds and run.kind not in kinds:
        raise refusal(run.id, f"that is not for a {run.kind.value} run to say")
    return run
