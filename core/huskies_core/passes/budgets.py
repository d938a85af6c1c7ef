"""Budgets that are used up with what was taken in: found anew each time, noted once."""

from collections.abc import Iterable

from huskies_core.clock import midnight
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import reached_budgets, usage
from huskies_core.store.reached_budgets import Reached


def notes_of_budgets(snapshot: Snapshot) -> Iterable[PlannedStep]:
    """What is to be noted: nothing that is already."""
    for reached in _reached(snapshot):
        if not reached_budgets.is_noted(snapshot.db, reached):
            yield PlannedStep(Verb.NOTE_BUDGET, reached.story, str(reached), subject=reached.key)


def note_budget(context: Context, action: PlannedStep) -> str:
    """Notes it as it is now. Raises Overtaken where it has been noted, or raised."""
    with context.store.exclusive() as db:
        snapshot = take_snapshot(context, db)
        for reached in _reached(snapshot):
            asked = (reached.key, reached.story) == (action.subject, action.story)
            if asked and reached_budgets.note(db, reached, actor=context.actor, now=snapshot.now):
                return str(reached)
    raise Overtaken(f"{action.subject} is noted, or not used up any more", code="stale")


def _reached(snapshot: Snapshot) -> Iterable[Reached]:
    """The day's budget, then those of stories that are not over."""
    budget, zone = snapshot.config.project.budget, snapshot.config.project.timezone
    if budget.per_day_usd is not None and (today := snapshot.spent_today()) >= budget.per_day_usd:
        day = midnight(snapshot.now, zone).date().isoformat()
        yield Reached(today, budget.per_day_usd, day=day)
    if budget.per_story_usd is not None:
        for story, spent in usage.stories_over(snapshot.db, budget.per_story_usd).items():
            yield Reached(spent, budget.per_story_usd, story)
