"""Calls from inside a run: an agent may report on its own story, and start nothing."""

from huskies_core.context import Context
from huskies_core.errors import HuskiesError


def refuse_inside_run(context: Context, what: str) -> None:
    """Raises HuskiesError `inside_a_run` when an agent of this project is the caller."""
    if context.inside_run is not None:
        raise HuskiesError(
            f"{what} is not for agents: this is run {context.inside_run}",
            hint="An agent may use update, approve, reject and resolve on its own story.",
            code="inside_a_run",
        )
