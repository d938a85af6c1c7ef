"""cost-rollup: record the usage of live runs and of runs without final usage, and the exhausted budgets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from huskies_core.context import Context
from huskies_core.passes.budgets import RecordBudget, record_budget, unrecorded_budgets
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.runs.run_usage import is_behind, is_recorded, progress_from_output, record
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import runs, usage
from huskies_core.store.runs import Run
from huskies_core.supervisor.records import Progress
from huskies_core.supervisor.run_directory import RunDirectory


@dataclass(frozen=True, kw_only=True)
class RecordUsage(PlannedStep):
    run: int


UsageStep = RecordUsage | RecordBudget


def plan(snapshot: Snapshot) -> tuple[UsageStep, ...]:
    return (*_usage(snapshot), *unrecorded_budgets(snapshot))


def apply(context: Context, step: UsageStep) -> str:
    match step:
        case RecordBudget():
            return record_budget(context, step)
        case RecordUsage():
            with context.store.reading() as db:
                run = runs.load(db, step.run)
            directory = RunDirectory(context.project.run_dir(run.id))
            if run.is_live:
                _record_progress(context, run, directory.read_progress())
            else:
                _settle(context, run, progress_from_output(directory, run))
            return step.detail
        case _:
            assert_never(step)


def _usage(snapshot: Snapshot) -> Iterator[RecordUsage]:
    """Yield a step for each live run with new figures, then for each ended run without final usage.

    If the figures of a live run are unreadable now, a step records them after its end.
    """
    for run in snapshot.live:
        progress = snapshot.progress(run)
        if run.runtime is not None and progress is not None and not is_recorded(snapshot.db, run, progress):
            yield _record_usage(run, f"{progress.cost_usd:.4f} USD so far")
    for run in runs.of_open_usage(snapshot.db):
        yield _record_usage(run, "from its whole output")


def _record_usage(run: Run, detail: str) -> RecordUsage:
    return RecordUsage(Verb.RECORD_USAGE, run.story, f"run {run.id}: {detail}", run=run.id)


def _record_progress(context: Context, run: Run, progress: Progress | None) -> None:
    """Record the progress of a live run. Keep the final figures of a run that has ended since the plan."""
    with context.store.exclusive() as db:
        if progress is not None and runs.load(db, run.id).is_live:
            record(db, run, progress, now=context.now())


def _settle(context: Context, run: Run, figures: Progress | None) -> None:
    """Record the final usage. If the output is missing or incomplete, keep the recorded figures."""
    with context.store.exclusive() as db:
        if figures is None or is_behind(db, run, figures):
            recorded = sum(used.cost_usd for used in usage.of_run(db, run.id))
            cost = max(run.cost_usd, recorded)
            figures = Progress(turns=run.turns, tool_turns=run.tool_turns, cost_usd=cost)
        else:
            record(db, run, figures, now=context.now())
        runs.settle_usage(
            db, run.id, turns=figures.turns, tool_turns=figures.tool_turns, cost_usd=figures.cost_usd
        )


COST_ROLLUP = Pass("cost-rollup", plan, one_by_one(apply))
