"""Calls from inside a run: an agent may report on its own story, and start nothing."""

from huskies_core.context import Context
from huskies_core.errors import HuskiesError


def refuse_inside_run(context: Context) -> None:
    """Raises HuskiesError `inside_a_run` when an agent of this project is the caller."""
    if context.inside_run is not None:
        raise refusal(context.inside_run, "an agent cannot do this from inside its run")


def refusal(run: int, fact: str) -> HuskiesError:
    hint = "From inside: update the own story; approve or reject it (qa); resolve it (mergemaster)."
    return HuskiesError(fact, hint=hint, code="inside_a_run", subject=f"run {run}")
