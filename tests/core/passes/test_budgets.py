"""Exhausted budgets are recorded once, and again after they are raised and exhausted."""

from huskies_core.context import Context
from huskies_core.ids import Seq
from huskies_core.passes.cost_rollup import COST_ROLLUP, apply, plan
from huskies_core.passes.pass_runner import run_pass
from huskies_core.passes.steps import StepOutcome, Verb
from huskies_core.pipeline.events import Abandon
from huskies_core.pipeline.stages import Coding
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import journal, runs, usage
from huskies_core.store.runs import Outcome as Ended
from huskies_core.store.runs import Report, RunClaim, RunKind
from huskies_core.store.usage import ModelUsage
from support.contexts import Clock
from support.stories import apply_to_story, import_story

BUDGETS = "[budget]\nper_story_usd = 2.0\nper_day_usd = 3.0\n"


def spend(context: Context, usd: float) -> int:
    """Record a run of a new story with this cost."""
    story = import_story(context.store, Coding())
    new_run = RunClaim(story.id, RunKind.CODER, story.visit, "ann", "command")
    with context.store.exclusive() as db:
        run = runs.claim(db, new_run, actor="test", now=context.now())
        usage.put(db, run.id, ModelUsage("opus", cost_usd=usd), now=context.now())
        runs.end(db, run.id, Report(Ended.COMPLETED), actor="test", now=context.now())
    return story.id


def set_budgets(context: Context, text: str = BUDGETS) -> None:
    context.project.project_toml.write_text(text)
    context.forget_config()


def recorded(context: Context) -> list[tuple[int | None, str]]:
    """Return the budgets that one pass records."""
    done = run_pass(context, COST_ROLLUP).results
    assert {one.outcome for one in done} <= {StepOutcome.DONE}
    return [(one.step.story, one.detail) for one in done if one.step.verb is Verb.NOTE_BUDGET]


def rows(context: Context) -> list[tuple[int | None, str, str]]:
    with context.store.reading() as db:
        entries = journal.entries_after(db, Seq(0))
    reached = [row for row in entries if row.event == "budget_reached"]
    return [(row.story, row.detail["budget"], row.detail["day"]) for row in reached]


def test_without_a_budget_nothing_is_recorded(context: Context) -> None:
    spend(context, 100.0)
    assert (recorded(context), rows(context)) == ([], [])


def test_each_exhausted_budget_is_recorded_once(context: Context) -> None:
    set_budgets(context)
    spend(context, 2.5)
    first = recorded(context)
    spend(context, 0.5)
    second, third = recorded(context), recorded(context)
    assert first == [(1, "budget.per_story_usd: 2.50 of 2.00 USD are used")]
    assert second == [(None, "budget.per_day_usd: 3.00 of 3.00 USD are used")]
    assert third == []
    assert rows(context) == [
        (1, "budget.per_story_usd", ""),
        (None, "budget.per_day_usd", "2026-03-01"),
    ]


def test_each_day_has_its_own_budget(context: Context, clock: Clock) -> None:
    set_budgets(context, "[budget]\nper_day_usd = 3.0\n")
    spend(context, 4.0)
    recorded(context)
    clock.pass_by(days=1)
    before = recorded(context)
    spend(context, 4.0)
    recorded(context)
    assert (before, [day for *_, day in rows(context)]) == ([], ["2026-03-01", "2026-03-02"])


def test_a_budget_that_is_raised_and_exhausted_again_is_recorded_again(context: Context) -> None:
    set_budgets(context, "[budget]\nper_story_usd = 2.0\n")
    spend(context, 2.5)
    recorded(context)
    set_budgets(context, "[budget]\nper_story_usd = 2.5\n")
    assert recorded(context) == [(1, "budget.per_story_usd: 2.50 of 2.50 USD are used")]


def test_the_budget_of_a_terminal_story_is_not_recorded(context: Context) -> None:
    set_budgets(context, "[budget]\nper_story_usd = 2.0\n")
    apply_to_story(context.store, spend(context, 2.5), Abandon("no"), now=context.now())
    assert (recorded(context), rows(context)) == ([], [])


def test_two_processes_with_the_same_plan_record_a_budget_once(context: Context) -> None:
    set_budgets(context, "[budget]\nper_story_usd = 2.0\n")
    spend(context, 2.5)
    with context.store.reading() as db:
        (step,) = plan(take_snapshot(context, db))
    apply(context, step)
    assert (recorded(context), len(rows(context))) == ([], 1)
