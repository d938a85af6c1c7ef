"""The rule for calls from inside a run: an agent reports on its own story, as its kind of run allows."""

from typing import TYPE_CHECKING

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId, StoryId

if TYPE_CHECKING:
    from huskies_core.store.connection import Connection
    from huskies_core.store.runs import Run, RunKind


def refuse_inside_run(context: Context) -> None:
    """Raise HuskiesError `inside_a_run` if an agent of this project calls."""
    if context.inside_run is not None:
        raise _refusal(context.inside_run, "an agent cannot do this from inside its run")


def own_run(context: Context, db: "Connection", story: StoryId, *kinds: "RunKind") -> "Run | None":
    """Return the live run of `story` that calls, or None for a person.

    Raise HuskiesError `inside_a_run` for a run of another story or kind, and for an ended run.
    """
    # `tick` imports this module and must not load the records of the store.
    from huskies_core.store import runs

    if context.inside_run is None:
        return None
    run = runs.find(db, context.inside_run)
    if run is None or not run.is_live:
        raise _refusal(context.inside_run, "this run has ended")
    if run.story != story:
        raise _refusal(run.id, f"a run of story {run.story} cannot change story {story}")
    if kinds and run.kind not in kinds:
        raise _refusal(run.id, f"a {run.kind.value} run cannot report this")
    return run


def _refusal(run: RunId, fact: str) -> HuskiesError:
    hint = "An agent can update its own story, approve or reject it (qa), or resolve it (mergemaster)."
    return HuskiesError(fact, hint=hint, code="inside_a_run", subject=f"run {run}")
