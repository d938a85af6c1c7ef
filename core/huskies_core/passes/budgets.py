"""Budgets that are used up with what was taken in: found anew each time, noted once."""

from collections.abc import Iterable

from huskies_core.clock import midnight
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.actions import Action, Verb
from huskies_core.scheduler.snapshot import World, observe
from huskies_core.store import reached_budgets, usage
from huskies_core.store.reached_budgets import Reached


def notes_of_budgets(world: World) -> Iterable[Action]:
    """What is to be noted: nothing that is already."""
    for reached in _reached(world):
        if not reached_budgets.is_noted(world.db, reached):
            yield Action(Verb.NOTE_BUDGET, reached.story, str(reached), subject=reached.key)


def note_budget(context: Context, action: Action) -> str:
    """Notes it as it is now. Raises Overtaken where it has been noted, or raised."""
    with context.store.exclusive() as db:
        world = observe(context, db)
        for reached in _reached(world):
            asked = (reached.key, reached.story) == (action.subject, action.story)
            if asked and reached_budgets.note(db, reached, actor=context.actor, now=world.now):
                return str(reached)
    raise Overtaken(f"{action.subject} is noted, or not used up any more", code="stale")


def _reached(world: World) -> Iterable[Reached]:
    """The day's budget, then those of stories that are not over."""
    budget, zone = world.config.project.budget, world.config.project.timezone
    if budget.per_day_usd is not None and (today := world.spent_today()) >= budget.per_day_usd:
        day = midnight(world.now, zone).date().isoformat()
        yield Reached(today, budget.per_day_usd, day=day)
    if budget.per_story_usd is not None:
        for story, spent in usage.stories_over(world.db, budget.per_story_usd).items():
            yield Reached(spent, budget.per_story_usd, story)
