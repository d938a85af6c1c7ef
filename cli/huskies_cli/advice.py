"""Advice on stderr: about agents that do not exist, and about a project without a scheduler."""

from huskies_core.context import Context
from huskies_core.errors import HuskiesError


def agent_advice(context: Context, name: str | None) -> tuple[str, ...]:
    """Return advice if a story asks for an unknown agent; nothing if the configuration does not load."""
    if name is None or context.inside_run is not None:
        return ()
    from huskies_core.operations import agents

    try:
        advice = agents.agent_advice(context, name)
    except HuskiesError:
        return ()
    return (advice,) if advice else ()


def tick_advice(context: Context) -> tuple[str, ...]:
    """Return advice if no tick ran lately."""
    from huskies_core.operations.scheduler_check import ADVICE, ticked_lately

    if context.inside_run is not None or ticked_lately(context):
        return ()
    return (f"No tick ran in the last two minutes. {ADVICE}",)
