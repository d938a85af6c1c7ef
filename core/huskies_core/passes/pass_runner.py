"""Run each pass under its own lock, repeat it while the journal moves, and report each failed step."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

from huskies_core.context import Context
from huskies_core.errors import LockBusy
from huskies_core.file_lock import file_locked
from huskies_core.ids import Seq
from huskies_core.passes.steps import PassReport, PlannedStep, StepResult, attempt
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import journal, pass_times

MOST_ROUNDS = 10
_POLL_SECS = 0.01

Step = TypeVar("Step", bound=PlannedStep)
ApplyOne = Callable[[Context, Step], str]
ApplyAll = Callable[[Context, tuple[Step, ...]], Iterator[StepResult]]


class Pass(Struct, Generic[Step], frozen=True):
    """The steps of a snapshot, from a function that only reads, and the function that applies them.

    A pass that `follows` the journal is due when the journal is ahead of its cursor. `wake` returns the time at which
    the pass is due again without a change.
    """

    name: str
    steps: Callable[[Snapshot], Iterable[Step]]
    apply: ApplyAll[Step]
    follows: bool = False
    wake: Callable[[Snapshot], datetime | None] = lambda _: None

    def plan(self, snapshot: Snapshot) -> tuple[Step, ...]:
        return tuple(self.steps(snapshot))


AnyPass = Pass[Any]


def one_by_one(apply: ApplyOne[Step]) -> ApplyAll[Step]:
    """Return a function that applies each step by itself and continues after a failure. `apply` returns a detail."""

    def apply_all(context: Context, steps: tuple[Step, ...]) -> Iterator[StepResult]:
        for step in steps:
            with attempt() as attempted:
                attempted.message = apply(context, step)
            yield StepResult.of(step, attempted)

    return apply_all


def run_passes(
    context: Context, passes: Sequence[AnyPass], *, dry_run: bool = False, wait: float = 0.0
) -> tuple[PassReport, ...]:
    """Run each pass under its own lock. Report a failed pass and still run the next one."""
    reports = []
    for chosen in passes:
        context.progress(chosen.name, 0, 0)
        results: list[StepResult] = []
        with attempt() as attempted:
            report = run_pass(context, chosen, dry_run=dry_run, wait=wait, results=results)
        reports.append(
            PassReport(chosen.name, tuple(results), failure=attempted) if attempted.code else report
        )
    return tuple(reports)


def run_pass(
    context: Context,
    chosen: AnyPass,
    *,
    dry_run: bool = False,
    wait: float = 0.0,
    results: list[StepResult] | None = None,
) -> PassReport:
    """Run one pass until the journal has no new rows after a round, at most ten times.

    Each round plans from one state of the store. Compare the journal's head after the release of the lock, so that no
    change is lost if another caller found the pass running and left. A dry run does not take the lock of the pass.
    Raise LockBusy if another process holds that lock for `wait` seconds, unless that is 0, or if the store is busy.
    `results` gets each result at once, so that an error in a later round does not hide the steps that were applied.
    """
    if dry_run:
        _, steps, _ = _plan(context, chosen)
        return PassReport.of_plan(chosen.name, steps)
    results = [] if results is None else results
    for _ in range(MOST_ROUNDS):
        with ExitStack() as locks:
            try:
                locks.enter_context(pass_locked(context, chosen.name, wait))
            except LockBusy:
                if wait and not results:
                    raise
                return PassReport(chosen.name, tuple(results), already_running=not results)
            head = _run_round(context, chosen, results)
        with context.store.reading() as db:
            if journal.head(db) == head:
                break
    return PassReport(chosen.name, tuple(results))


def _run_round(context: Context, chosen: AnyPass, results: list[StepResult]) -> Seq:
    """Plan and apply the steps, add their results, and return the head of the journal at the plan."""
    with context.acting_as(f"pass:{chosen.name}"):
        head, steps, wake = _plan(context, chosen)
        before = len(results)
        for result in chosen.apply(context, steps) if steps else ():
            results.append(result)
            context.progress(chosen.name, len(results) - before, len(steps))
        if chosen.follows and len(results) == before:
            _record_idle(context, chosen, head, wake)
    return head


def pass_locked(context: Context, name: str, wait: float) -> AbstractContextManager[None]:
    """Hold the lock of a pass. Raise LockBusy if another process holds it for `wait` seconds."""
    path = context.project.pass_lock(name)
    path.parent.mkdir(exist_ok=True)
    busy = LockBusy(f"{name} is already running")
    return file_locked(path, wait=wait, busy=busy, poll_secs=_POLL_SECS)


def _plan(context: Context, chosen: AnyPass) -> tuple[Seq, tuple[PlannedStep, ...], datetime | None]:
    with context.store.reading() as db:
        snapshot = take_snapshot(context, db)
        steps = chosen.plan(snapshot)
        return journal.head(db), steps, None if steps else chosen.wake(snapshot)


def _record_idle(context: Context, chosen: AnyPass, head: Seq, wake: datetime | None) -> None:
    """Record that the pass has nothing to do up to `head`. Do not write the same record again."""
    with context.store.reading() as db:
        cursor = journal.cursor(db, chosen.name)
        times = pass_times.get(db, chosen.name)
    if cursor == head and times.due_at == wake and not times.is_of_the_future(context.now()):
        return
    with context.store.exclusive() as db:
        journal.move_cursor(db, chosen.name, head)
        pass_times.record(db, chosen.name, last_at=context.now(), due_at=wake)
