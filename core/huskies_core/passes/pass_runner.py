"""Runs one pass: alone, isolated item by item, and again when the journal moved while it worked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, LockBusy, Overtaken
from huskies_core.passes.actions import Outcome, PassReport, PlannedStep, StepResult
from huskies_core.scheduler.snapshot import Snapshot, take_snapshot
from huskies_core.store import cursors, journal, pass_times

MOST_ROUNDS = 10

Plan = Callable[[Snapshot], tuple[PlannedStep, ...]]
ApplyOne = Callable[[Context, PlannedStep], str]
ApplyAll = Callable[[Context, tuple[PlannedStep, ...]], Iterator[StepResult]]


@dataclass(frozen=True)
class Pass:
    """`follows` is the journal: the pass is due when that is ahead of its cursor. `wake` tells when waiting alone makes
    it due again."""

    name: str
    plan: Plan
    apply: ApplyAll
    follows: bool = False
    wake: Callable[[Snapshot], datetime | None] = lambda _: None


def one_by_one(apply: ApplyOne) -> ApplyAll:
    """Applies each action by itself: one that fails never stops the rest. `apply` returns what it has to tell."""

    def apply_all(context: Context, actions: tuple[PlannedStep, ...]) -> Iterator[StepResult]:
        return (isolated(action, partial(apply, context, action)) for action in actions)

    return apply_all


def isolated(action: PlannedStep, act: Callable[[], str]) -> StepResult:
    """Does one of many. What moved on meanwhile is skipped; whatever else goes wrong becomes a failed outcome."""
    try:
        return StepResult(action, Outcome.DONE, act() or action.detail)
    except Overtaken as overtaken:
        return StepResult(action, Outcome.SKIPPED, overtaken.message, overtaken.code)
    except HuskiesError as error:
        return StepResult(action, Outcome.FAILED, error.message, error.code)
    except Exception as error:
        return StepResult(action, Outcome.FAILED, f"{type(error).__name__}: {error}", "bug")


def run_pass(context: Context, chosen: Pass, *, dry_run: bool = False, wait: float = 0.0) -> PassReport:
    """Converges what the pass is about; a second run finds nothing to do.

    Each round plans from one state of the store. After releasing the lock the journal's head is compared with the one
    planned from, so that whoever found the lock taken and left is not missed. A dry run takes no lock.
    """
    if dry_run:
        _, actions, _ = _planned(context, chosen)
        return PassReport(chosen.name, tuple(StepResult(one, Outcome.PLANNED, one.detail) for one in actions))
    done: list[StepResult] = []
    for _ in range(MOST_ROUNDS):
        try:
            with pass_locked(context, chosen.name, wait), context.acting_as(f"pass:{chosen.name}"):
                head, round_done = _one_round(context, chosen)
        except LockBusy:
            if wait and not done:
                raise
            return PassReport(chosen.name, tuple(done), already_running=not done)
        done.extend(round_done)
        with context.store.reading() as db:
            if journal.head(db) == head:
                break
    return PassReport(chosen.name, tuple(done))


@contextmanager
def pass_locked(context: Context, name: str, wait: float) -> Iterator[None]:
    """Holds the pass's own lock. Raises LockBusy when another holds it for `wait` seconds."""
    from filelock import FileLock, Timeout

    path = context.project.pass_lock(name)
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path, poll_interval=0.01, fallback_to_soft=False)
    try:
        lock.acquire(timeout=wait)
    except Timeout as busy:
        raise LockBusy(f"{name} is already running") from busy
    try:
        yield
    finally:
        lock.release()


def _one_round(context: Context, chosen: Pass) -> tuple[int, list[StepResult]]:
    head, actions, wake = _planned(context, chosen)
    done: list[StepResult] = []
    for item in chosen.apply(context, actions) if actions else ():
        done.append(item)
        context.progress(chosen.name, len(done), len(actions))
    if chosen.follows and not done:
        _settle(context, chosen, head, wake)
    return head, done


def _planned(context: Context, chosen: Pass) -> tuple[int, tuple[PlannedStep, ...], datetime | None]:
    with context.store.reading() as db:
        snapshot = take_snapshot(context, db)
        actions = chosen.plan(snapshot)
        return journal.head(db), actions, None if actions else chosen.wake(snapshot)


def _settle(context: Context, chosen: Pass, head: int, wake: datetime | None) -> None:
    """Says that nothing is left to do up to `head`. Written only where that is news."""
    with context.store.reading() as db:
        known = cursors.get(db, chosen.name)
        times = pass_times.get(db, chosen.name)
    if known == head and times.due_at == wake and not times.is_of_the_future(context.now()):
        return
    with context.store.exclusive() as db:
        cursors.move(db, chosen.name, head)
        pass_times.record(db, chosen.name, last_at=context.now(), due_at=wake)
