"""Explaining one story: with what auto-assign would do next, so that who goes first is known."""

from huskies_core.context import Context
from huskies_core.passes import auto_assign
from huskies_core.runs.request import Order
from huskies_core.scheduler.explanation import Explanation
from huskies_core.scheduler.explanation import explain as explained
from huskies_core.scheduler.snapshot import World, observe
from huskies_core.store import stories


def explain(context: Context, story: int) -> Explanation:
    """Raises HuskiesError `not_found`, and `config_error` while the config does not load."""
    with context.store.reading() as db:
        found = stories.load(db, story)
        world = observe(context, db)
        return explained(world, found, next_starts(world))


def next_starts(world: World) -> tuple[Order, ...]:
    """The runs that auto-assign would start now, in their order."""
    return tuple(action.order for action in auto_assign.plan(world) if action.order is not None)
