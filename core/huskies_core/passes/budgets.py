"""Find exhausted budgets and record each once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from huskies_core.clock import midnight
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import reached_budgets, usage
from huskies_core.store.reached_budgets import ReachedBudget


@dataclass(frozen=True, kw_only=True)
class RecordBudget(PlannedStep):
    """The record of a budget. `key` is the name of the budget in the configuration."""

    key: str


def unrecorded_budgets(snapshot: Snapshot) -> Iterator[RecordBudget]:
    """Yield a step for each exhausted budget that is not recorded."""
    for reached in _exhausted(snapshot):
        if not reached_budgets.is_noted(snapshot.db, reached):
            yield RecordBudget(Verb.NOTE_BUDGET, reached.story, str(reached), key=reached.key)


def record_budget(context: Context, step: RecordBudget) -> str:
    """Record the budget with its current figures. Raise Overtaken if it is recorded, or no longer exhausted."""
    with context.store.exclusive() as db:
        snapshot = take_snapshot(context, db)
        for reached in _exhausted(snapshot):
            is_meant = (reached.key, reached.story) == (step.key, step.story)
            if is_meant and reached_budgets.note(db, reached, actor=context.actor, now=snapshot.now):
                return str(reached)
    raise Overtaken(f"{step.key} is recorded, or no longer exhausted", code="stale")


def _exhausted(snapshot: Snapshot) -> Iterable[ReachedBudget]:
    """Yield the exhausted budget of the day, then those of open stories."""
    budget, zone = snapshot.config.project.budget, snapshot.config.project.timezone
    if budget.per_day_usd is not None and (today := snapshot.spent_today()) >= budget.per_day_usd:
        day = midnight(snapshot.now, zone).date().isoformat()
        yield ReachedBudget(today, budget.per_day_usd, day=day)
    if budget.per_story_usd is not None:
        for story, spent in usage.stories_over(snapshot.db, budget.per_story_usd).items():
            yield ReachedBudget(spent, budget.per_story_usd, story)
