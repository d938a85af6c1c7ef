"""Who calls: a person, or an agent from inside its run, who may say little and start nothing."""

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.store import runs
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Run, RunKind


def refuse_inside_run(context: Context) -> None:
    """Raises HuskiesError `inside_a_run` when an agent calls."""
    if context.inside_run is not None:
        raise _refused(context.inside_run, "an agent cannot do this from inside its run")


def own_run(context: Context, db: Connection, story: int, *kinds: RunKind) -> Run | None:
    """The live run of `story` that calls, or None when a person does.

    Raises HuskiesError `inside_a_run` when it is another story's run, one that has ended, or of no such kind.
    """
    if context.inside_run is None:
        return None
    run = runs.find(db, context.inside_run)
    if run is None or not run.is_live:
        raise _refused(context.inside_run, "this run is over")
    if run.story != story:
        raise _refused(run.id, f"a run of story {run.story} has no say in story {story}")
    if kinds and run.kind not in kinds:
        raise _refused(run.id, f"that is not for a {run.kind.value} run to say")
    return run


def _refused(run: int, fact: str) -> HuskiesError:
    hint = "From inside: update the own story; approve or reject it (qa); resolve it (mergemaster)."
    return HuskiesError(fact, hint=hint, code="inside_a_run", subject=f"run {run}")
