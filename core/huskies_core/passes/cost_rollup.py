"""cost-rollup: takes in what runs use, while they run and, where a crash left less, from the whole of their output; and
notes the budgets that are used up with it."""

from collections.abc import Iterator

from huskies_core.context import Context
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.passes.budgets import note_budget, notes_of_budgets
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.runs.run_usage import is_behind, is_recorded, progress_from_output, record
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import runs, usage
from huskies_core.store.runs import Run
from huskies_core.supervisor.records import Progress
from huskies_core.supervisor.run_directory import RunDirectory


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    ended = (_action(run, "from its whole output") for run in runs.of_open_usage(snapshot.db))
    return (*_of_live(snapshot), *ended, *notes_of_budgets(snapshot))


def apply(context: Context, action: PlannedStep) -> str:
    if action.verb is Verb.NOTE_BUDGET:
        return note_budget(context, action)
    assert action.run is not None
    with context.store.reading() as db:
        run = runs.load(db, action.run)
    directory = RunDirectory(context.project.run_dir(run.id))
    if run.is_live:
        return _take_in(context, run, directory.read_progress(), action.detail)
    return _settle(context, run, progress_from_output(directory, run), action.detail)


def _of_live(snapshot: Snapshot) -> Iterator[PlannedStep]:
    """What cannot be read now is taken in when the run has ended."""
    for run in snapshot.live:
        progress = snapshot.progress(run)
        if run.runtime is not None and progress is not None and not is_recorded(snapshot.db, run, progress):
            yield _action(run, f"{progress.cost_usd:.4f} USD so far")


def _action(run: Run, detail: str) -> PlannedStep:
    return PlannedStep(Verb.RECORD_USAGE, run.story, f"run {run.id}: {detail}", run=run.id)


def _take_in(context: Context, run: Run, progress: Progress | None, detail: str) -> str:
    """A run that has ended meanwhile has written its last figures: older ones must not replace them."""
    with context.store.exclusive() as db:
        if progress is not None and runs.load(db, run.id).is_live:
            record(db, run, progress, now=context.now())
    return detail


def _settle(context: Context, run: Run, found: Progress | None, detail: str) -> str:
    """Where its output is gone, or has lost something, there is no more to learn: what was taken in stands."""
    with context.store.exclusive() as db:
        if found is None or is_behind(db, run, found):
            known = sum(used.cost_usd for used in usage.of_run(db, run.id))
            figures = Progress(turns=run.turns, tool_turns=run.tool_turns, cost_usd=max(run.cost_usd, known))
        else:
            record(db, run, found, now=context.now())
            figures = found
        runs.settle_usage(
            db,
            run.id,
            turns=figures.turns,
            tool_turns=figures.tool_turns,
            cost_usd=figures.cost_usd,
        )
    return detail


COST_ROLLUP = Pass("cost-rollup", plan, one_by_one(apply))
