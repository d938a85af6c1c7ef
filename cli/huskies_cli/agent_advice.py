"""What is said when a story wants an agent that is not there."""

from huskies_core.context import Context
from huskies_core.errors import HuskiesError


def agent_advice(context: Context, wanted: str | None) -> tuple[str, ...]:
    """Nothing where the configuration does not load: the story is written all the same, and others say so."""
    if wanted is None or context.inside_run is not None:
        return ()
    from huskies_core.operations.agents import advice_on

    try:
        advice = advice_on(context, wanted)
    except HuskiesError:
        return ()
    return (advice,) if advice else ()
