import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.ids import Seq, StoryId
from huskies_core.passes.pass_runner import MOST_ROUNDS, Pass, one_by_one, pass_locked, run_pass, run_passes
from huskies_core.passes.steps import PlannedStep, StepOutcome, Verb
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import journal
from support.waiting import wait_for_file

HOLDER = """
import sys, pathlib
from filelock import FileLock
with FileLock(sys.argv[1]):
    pathlib.Path(sys.argv[2]).write_text("held")
    sys.stdin.read()
"""


def planned(*stories: int) -> Callable[[Snapshot], tuple[PlannedStep, ...]]:
    """Return a plan with a step for each story that has no journal row yet."""

    def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
        done = {entry.story for entry in journal.entries_after(snapshot.db, Seq(0))}
        return tuple(
            PlannedStep(Verb.PURGE_CONTENT, StoryId(story)) for story in stories if story not in done
        )

    return plan


def write_row(context: Context, action: PlannedStep) -> str:
    with context.store.exclusive() as db:
        journal.append(
            db,
            journal.JournalKind.STORY,
            "created",
            actor=context.actor,
            now=context.now(),
            story=action.story,
        )
    return f"wrote {action.story}"


def fail_on_two(context: Context, action: PlannedStep) -> str:
    if action.story == 2:
        raise HuskiesError("no", code="no")
    if action.story == 3:
        raise ZeroDivisionError("a bug")
    return write_row(context, action)


def test_a_second_run_does_nothing(context: Context) -> None:
    chosen = Pass("gc", planned(1, 2), one_by_one(write_row))
    first, second = run_pass(context, chosen), run_pass(context, chosen)
    assert ([item.detail for item in first.results], second.results) == (["wrote 1", "wrote 2"], ())


def test_one_failing_item_does_not_stop_the_others(context: Context) -> None:
    report = run_pass(context, Pass("gc", planned(1, 2, 3, 4), one_by_one(fail_on_two)))
    ended = [(item.step.story, item.outcome, item.error, item.detail) for item in report.results[:4]]
    assert ended == [
        (1, StepOutcome.DONE, "", "wrote 1"),
        (2, StepOutcome.FAILED, "no", "no"),
        (3, StepOutcome.FAILED, "bug", "ZeroDivisionError: a bug"),
        (4, StepOutcome.DONE, "", "wrote 4"),
    ]


def test_a_dry_run_plans_and_changes_nothing(context: Context) -> None:
    report = run_pass(context, Pass("gc", planned(1), one_by_one(write_row)), dry_run=True)
    with context.store.reading() as db:
        assert ([item.outcome for item in report.results], journal.head(db)) == ([StepOutcome.PLANNED], 0)


def test_journal_rows_name_the_pass(context: Context) -> None:
    run_pass(context, Pass("gc", planned(1), one_by_one(write_row)))
    with context.store.reading() as db:
        assert [entry.actor for entry in journal.entries_after(db, Seq(0))] == ["pass:gc"]


def test_a_pass_runs_again_while_the_journal_moves_at_most_ten_times(context: Context) -> None:
    endless = Pass("gc", lambda _: (PlannedStep(Verb.PURGE_CONTENT, StoryId(1)),), one_by_one(write_row))
    assert len(run_pass(context, endless).results) == MOST_ROUNDS


def test_a_row_that_another_process_writes_during_a_round_is_not_missed(context: Context) -> None:
    """A second process writes to the journal after the plan, and leaves because the lock is held."""
    requested: list[int] = []

    def plan(_: Snapshot) -> tuple[PlannedStep, ...]:
        steps = tuple(PlannedStep(Verb.PURGE_CONTENT, StoryId(story)) for story in requested) or ()
        return steps or ((PlannedStep(Verb.PURGE_CONTENT, StoryId(1)),) if not served else ())

    served: list[int] = []

    def apply(context: Context, action: PlannedStep) -> str:
        assert action.story is not None
        served.append(action.story)
        if action.story == 1:
            requested.append(2)
            write_row(context, PlannedStep(Verb.PURGE_CONTENT, StoryId(2)))
        else:
            requested.clear()
        return ""

    run_pass(context, Pass("gc", plan, one_by_one(apply)))
    assert served == [1, 2]


def test_a_row_that_another_process_writes_during_an_idle_round_is_not_missed(context: Context) -> None:
    """A second process writes after the plan of a pass without steps, while its lock is held."""
    applied: list[int | None] = []

    def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
        entries = journal.entries_after(snapshot.db, Seq(0))
        if not entries:
            write_row(context, PlannedStep(Verb.PURGE_CONTENT, StoryId(2)))
        return tuple(
            PlannedStep(Verb.PURGE_CONTENT, entry.story) for entry in entries if entry.story not in applied
        )

    def apply(_: Context, action: PlannedStep) -> str:
        applied.append(action.story)
        return ""

    run_pass(context, Pass("gc", plan, one_by_one(apply)))
    assert applied == [2]


def test_an_idle_pass_that_follows_the_journal_has_its_cursor_at_the_head(context: Context) -> None:
    run_pass(context, Pass("auto-assign", planned(1), one_by_one(write_row), follows=True))
    with context.store.reading() as db:
        assert journal.cursor(db, "auto-assign") == journal.head(db) == 1


@pytest.fixture
def holder(context: Context, tmp_path: Path) -> "subprocess.Popen[bytes]":
    """Start a process that holds the lock of gc until its input ends."""
    lock, ready = context.project.pass_lock("gc"), tmp_path / "ready"
    lock.parent.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock), str(ready)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    wait_for_file(ready)
    return process


@pytest.mark.usefixtures("processes")
def test_a_pass_that_another_process_runs_is_skipped(
    context: Context, holder: "subprocess.Popen[bytes]"
) -> None:
    report = run_pass(context, Pass("gc", planned(1), one_by_one(write_row)))
    with pytest.raises(LockBusy), pass_locked(context, "gc", 0.1):
        pass
    holder.communicate()
    assert (report.already_running, report.results) == (True, ())
    assert len(run_pass(context, Pass("gc", planned(1), one_by_one(write_row))).results) == 1


@pytest.mark.usefixtures("processes")
def test_a_wait_for_a_busy_pass_ends_with_an_error(
    context: Context, holder: "subprocess.Popen[bytes]"
) -> None:
    with pytest.raises(LockBusy, match="gc is already running"):
        run_pass(context, Pass("gc", planned(1), one_by_one(write_row)), wait=0.1)
    holder.communicate()


def test_a_busy_store_is_an_error_and_not_a_running_pass(context: Context) -> None:
    def plan(_: Snapshot) -> tuple[PlannedStep, ...]:
        with context.store.exclusive(wait=0.01):
            return ()

    chosen = Pass("gc", plan, one_by_one(write_row))
    with FileLock(context.project.state_lock):
        (report,) = run_passes(context, [chosen])
        with pytest.raises(LockBusy):
            run_pass(context, chosen)
    assert report.failure is not None
    assert (report.failure.code, report.already_running) == ("busy", False)


def test_the_steps_before_an_error_in_a_later_round_are_reported(context: Context) -> None:
    rounds = iter([(PlannedStep(Verb.PURGE_CONTENT, StoryId(1)),)])

    def plan(_: Snapshot) -> tuple[PlannedStep, ...]:
        try:
            return next(rounds)
        except StopIteration:
            raise HuskiesError("the disk is full", code="disk_full") from None

    (report,) = run_passes(context, [Pass("gc", plan, one_by_one(write_row))])
    assert report.failure is not None
    assert (report.failure.code, len(report.results), report.acted) == ("disk_full", 1, True)
