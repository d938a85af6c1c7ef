"""cost-rollup: record the usage of live runs and of runs without final usage, and the exhausted budgets."""

from collections.abc import Iterable, Iterator

from huskies_core.clock import midnight
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, RunStep, Verb
from huskies_core.runs.evidence import measure_output, usage_of
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import runs, usage
from huskies_core.store.runs import Run
from huskies_core.store.usage import ModelUsage, ReachedBudget
from huskies_core.supervisor.records import Progress
from huskies_core.supervisor.run_directory import RunDirectory


class RecordUsage(RunStep, frozen=True):
    """Record the usage of a live run so far, or the final usage of an ended run."""


class RecordBudget(PlannedStep, frozen=True, kw_only=True):
    """The record of a budget. `key` is the name of the budget in the configuration."""

    key: str


UsageStep = RecordUsage | RecordBudget


def plan(snapshot: Snapshot) -> Iterator[UsageStep]:
    """Yield a step for each live run with new figures, each ended run without final usage, and each new budget.

    If the figures of a live run are unreadable now, a step records them after its end.
    """
    for run in snapshot.live:
        progress = snapshot.progress(run)
        if run.runtime is None or progress is None:
            continue
        if set(usage_of(progress)) != set(usage.of_run(snapshot.db, run.id)):
            detail = f"run {run.id}: {progress.cost_usd:.4f} USD so far"
            yield RecordUsage(Verb.RECORD_USAGE, run.story, detail, run=run.id)
    for run in runs.of_open_usage(snapshot.db):
        yield RecordUsage(Verb.RECORD_USAGE, run.story, f"run {run.id}: from its whole output", run=run.id)
    for reached in _exhausted(snapshot):
        if not usage.is_budget_noted(snapshot.db, reached):
            yield RecordBudget(Verb.NOTE_BUDGET, reached.story, str(reached), key=reached.key)


def apply(context: Context, step: UsageStep) -> str:
    match step:
        case RecordBudget():
            return _record_budget(context, step)
        case RecordUsage():
            with context.store.reading() as db:
                run = runs.load(db, step.run)
            directory = RunDirectory(context.project.run_dir(run.id))
            if run.is_live:
                _record_progress(context, run, directory.read_progress())
            else:
                _settle(context, run, measure_output(directory, run))
            return step.detail


def _record_progress(context: Context, run: Run, progress: Progress | None) -> None:
    """Record the progress of a live run. Keep the final figures of a run that has ended since the plan."""
    with context.store.exclusive() as db:
        if progress is not None and runs.load(db, run.id).is_live:
            usage.put(db, run.id, *usage_of(progress), now=context.now())


def _settle(context: Context, run: Run, figures: Progress | None) -> None:
    """Record the final usage. If the output is missing or incomplete, keep the recorded figures."""
    with context.store.exclusive() as db:
        recorded, rows = usage.of_run(db, run.id), usage_of(figures or Progress())
        if figures is None or figures.turns < run.turns or _tokens(rows) < _tokens(recorded):
            cost = max(run.cost_usd, sum(used.cost_usd for used in recorded))
            figures = Progress(turns=run.turns, tool_turns=run.tool_turns, cost_usd=cost)
        else:
            usage.put(db, run.id, *rows, now=context.now())
        runs.settle_usage(
            db, run.id, turns=figures.turns, tool_turns=figures.tool_turns, cost_usd=figures.cost_usd
        )


def _record_budget(context: Context, step: RecordBudget) -> str:
    """Record the budget with its current figures. Raise Overtaken if it is recorded, or no longer exhausted."""
    with context.store.exclusive() as db:
        snapshot = take_snapshot(context, db)
        for reached in _exhausted(snapshot):
            is_meant = (reached.key, reached.story) == (step.key, step.story)
            if is_meant and usage.note_budget(db, reached, actor=context.actor, now=snapshot.now):
                return str(reached)
    raise Overtaken(f"{step.key} is recorded, or no longer exhausted", code="stale")


def _exhausted(snapshot: Snapshot) -> Iterator[ReachedBudget]:
    """Yield the exhausted budget of the day, then those of open stories."""
    budget, zone = snapshot.config.project.budget, snapshot.config.project.timezone
    if budget.per_day_usd is not None and (today := snapshot.spent_today()) >= budget.per_day_usd:
        day = midnight(snapshot.now, zone).date().isoformat()
        yield ReachedBudget(today, budget.per_day_usd, day=day)
    if budget.per_story_usd is not None:
        for story, spent in usage.stories_over(snapshot.db, budget.per_story_usd).items():
            yield ReachedBudget(spent, budget.per_story_usd, story)


def _tokens(rows: Iterable[ModelUsage]) -> int:
    return sum(
        row.input_tokens + row.output_tokens + row.cache_read_tokens + row.cache_write_tokens for row in rows
    )


COST_ROLLUP = Pass("cost-rollup", plan, one_by_one(apply))
