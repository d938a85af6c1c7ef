import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId, StoryId
from huskies_core.merge_results import GatesFailed
from huskies_core.operations.scheduler_check import ticked_lately
from huskies_core.passes import pass_sequence
from huskies_core.passes.due import is_due
from huskies_core.passes.steps import PassReport, Verb
from huskies_core.passes.steps import StepOutcome as Became
from huskies_core.passes.watchdog import EndDeadRun
from huskies_core.pipeline.events import Block, Start
from huskies_core.pipeline.stages import Coding, Merge, MergeFailure, MergeFailureKind
from huskies_core.store import pass_times, runs, stories
from huskies_core.store.evidence import Evidence
from huskies_core.store.runs import Outcome, Report, RunClaim, RunKind
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.claims import claim_run
from support.contexts import Clock, opened
from support.stories import add_story, apply_to_story, import_story, load_story


@pytest.fixture
def clock() -> Clock:
    """Use the real time, because `is_due` reads the clock."""
    return Clock(utc_now())


@pytest.fixture
def context(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    """Open a project without agents."""
    with opened(tmp_path / "repo", clock) as context:
        yield context


def state(context: Context) -> str:
    return str(context.project.state_dir)


def ran(reports: tuple[PassReport, ...]) -> list[str]:
    return [report.name for report in reports]


def settle(context: Context) -> None:
    """Run ticks until one does nothing."""
    for _ in range(3):
        pass_sequence.tick(context)


# due ticks


def test_a_new_project_is_due_and_an_idle_one_is_not(context: Context) -> None:
    before = is_due(state(context))
    settle(context)
    assert (before, is_due(state(context))) == (True, False)


def test_a_tick_with_nothing_due_writes_nothing_and_takes_no_lock(context: Context) -> None:
    settle(context)
    files = [path for path in context.project.state_dir.rglob("*") if path.is_file()]
    before = {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files if path.suffix != ".db-shm"
    }
    reports = pass_sequence.tick(context)
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before}
    assert (reports, after) == ((), before)


def test_a_change_of_a_story_makes_a_tick_due(context: Context) -> None:
    settle(context)
    add_story(context.store)
    due = is_due(state(context))
    settle(context)
    assert (due, is_due(state(context))) == (True, False)


@pytest.mark.parametrize("name", ["project.toml", "agents.toml"])
def test_a_changed_config_file_makes_a_tick_due(context: Context, name: str) -> None:
    settle(context)
    (context.project.state_dir / name).write_text("# another comment\n")
    due = is_due(state(context))
    context.forget_config()
    settle(context)
    assert (due, is_due(state(context))) == (True, False)


def test_the_end_of_a_wait_makes_a_tick_due(context: Context) -> None:
    settle(context)
    with context.store.exclusive() as db:
        pass_times.bring_forward(db, "auto-assign", context.now())
    assert is_due(state(context))


def test_a_clock_that_was_set_back_delays_no_pass(context: Context, clock: Clock) -> None:
    clock.pass_by(days=365)
    settle(context)
    clock.pass_by(days=-365)
    ticked = ticked_lately(context)
    due, reports = is_due(state(context)), pass_sequence.tick(context)
    assert (ticked, due, "watchdog" in ran(reports)) == (False, True, True)
    settle(context)
    assert (ticked_lately(context), is_due(state(context))) == (True, False)


def test_a_live_run_makes_a_tick_due_only_when_its_lock_is_free(context: Context) -> None:
    import_story(context.store, Coding())
    lock = take_lock(RunDirectory(context.project.run_dir(claim_run(context.store, 1, now=context.now()))))
    assert lock is not None
    settle(context)
    due_while_locked = is_due(state(context))
    os.close(lock)
    assert (due_while_locked, is_due(state(context))) == (False, True)


def test_an_unreadable_store_is_due_so_that_the_tick_reports_the_error(tmp_path: Path) -> None:
    assert is_due(str(tmp_path))


# the passes of a tick


def test_a_tick_ends_a_dead_run_at_once_and_continues_its_story(context: Context) -> None:
    import_story(context.store, Coding())
    settle(context)
    run = claim_run(context.store, 1, now=context.now())
    reports = pass_sequence.tick(context)
    with context.store.reading() as db:
        ended = runs.load(db, RunId(run))
    assert [(one.step.verb.value, one.outcome) for one in reports[0].results] == [
        ("release_run", Became.DONE)
    ]
    assert (ended.outcome, ended.detail) == (Outcome.CRASHED, "its supervisor was killed")


def test_a_broken_exit_file_does_not_stop_the_other_passes(context: Context) -> None:
    import_story(context.store, Coding(), number=StoryId(1))
    run = claim_run(context.store, 1, now=context.now())
    context.project.run_dir(run).mkdir(parents=True)
    (context.project.run_dir(run) / "exit.json").write_text("garbage")
    reports = pass_sequence.tick(context)
    steps = [(result.step, result.outcome) for result in reports[0].results]
    ended = EndDeadRun(Verb.END_RUN, StoryId(1), f"run {run}: ended, not recorded", run=RunId(run))
    assert (steps, "auto-assign" in ran(reports)) == ([(ended, Became.DONE)], True)


def test_an_end_is_recorded_even_when_the_config_is_broken(context: Context) -> None:
    import_story(context.store, Coding())
    settle(context)
    run = claim_run(context.store, 1, now=context.now())
    context.project.project_toml.write_text("nonsense = \n")
    context.forget_config()
    ended, broken = pass_sequence.tick(context)
    with context.store.reading() as db:
        assert runs.load(db, RunId(run)).outcome is Outcome.CRASHED
    assert (ended.acted, broken.failure and broken.failure.code) == (True, "config_error")


@pytest.mark.parametrize("name", ["exit.json", "progress.json", "kill.json"])
def test_a_run_with_an_unreadable_file_is_ended(context: Context, name: str) -> None:
    import_story(context.store, Coding())
    run = claim_run(context.store, 1, now=context.now())
    folder = context.project.run_dir(run)
    folder.mkdir(parents=True)
    (folder / name).write_text("torn")
    pass_sequence.tick(context)
    with context.store.reading() as db:
        assert runs.load(db, RunId(run)).outcome is Outcome.CRASHED
    assert (folder / f"{name}.broken").read_text() == "torn"


def test_reconcile_and_watchdog_run_at_their_intervals(context: Context, clock: Clock) -> None:
    settle(context)
    clock.pass_by(seconds=31)
    first, second = pass_sequence.tick(context), pass_sequence.tick(context)
    assert (ran(first)[:2], second) == (["watchdog", "gc"], ())


def test_a_dry_tick_plans_and_changes_nothing(context: Context) -> None:
    import_story(context.store, MergeFailure(MergeFailureKind.NO_COMMITS, ""))
    reports = pass_sequence.tick(context, dry_run=True)
    planned = [(one.step.verb.value, one.outcome) for report in reports for one in report.results]
    assert ("block_story", Became.PLANNED) in planned
    assert load_story(context.store, 1).stage.name.value == "merge_failure"


@pytest.mark.parametrize("ticks_before", [0, 3])
def test_a_dry_tick_lists_a_dead_run_once(context: Context, ticks_before: int) -> None:
    """The watchdog is due only in the first case."""
    import_story(context.store, Coding())
    for _ in range(ticks_before):
        pass_sequence.tick(context)
    claim_run(context.store, 1, now=context.now())
    reports = pass_sequence.tick(context, dry_run=True)
    released = [one for report in reports for one in report.results if one.step.verb is Verb.RELEASE_RUN]
    assert [(one.step.story, one.outcome) for one in released] == [(StoryId(1), Became.PLANNED)]


def test_a_failed_pass_does_not_stop_the_next_ones(context: Context) -> None:
    add_story(context.store)
    apply_to_story(context.store, 1, Start())
    apply_to_story(context.store, 1, Block("no"))
    context.project.audit_log.mkdir()
    import_story(context.store, MergeFailure(MergeFailureKind.NO_COMMITS, ""))
    reports = {report.name: report for report in pass_sequence.reconcile(context)}
    assert reports["audit-log"].failure is not None
    assert reports["merge-recovery"].acted


# the watchdog


def test_a_run_of_a_story_that_moved_on_is_ended_as_cancelled(context: Context) -> None:
    import_story(context.store, Coding())
    run = claim_run(context.store, 1, now=context.now())
    apply_to_story(context.store, 1, Block("no"))
    directory = RunDirectory(context.project.run_dir(run))
    lock = take_lock(directory)
    assert lock is not None
    context.project.run_dir(run).joinpath("spec.json").write_text("{}")
    os.close(lock)
    pass_sequence.watchdog(context)
    with context.store.reading() as db:
        assert runs.load(db, RunId(run)).is_live is False


def test_the_store_refuses_a_start_after_that_of_another_process(context: Context) -> None:
    import_story(context.store, Coding())
    claim_run(context.store, 1, now=context.now())
    with pytest.raises(HuskiesError, match="story 1 already has a live run"):
        claim_run(context.store, 1, now=context.now())


# the end of a run


def test_the_end_of_a_merge_with_failed_gates_sends_the_story_back_at_once(context: Context) -> None:
    import_story(context.store, Merge("feature/story-1", 1))
    evidence = Evidence(merge=GatesFailed("gate tests exited with 1"))
    with context.store.exclusive() as db:
        visit, now = stories.load(db, StoryId(1)).visit, context.now()
        run = runs.claim(db, RunClaim(StoryId(1), RunKind.MERGE, visit), actor="test", now=now).id
        runs.end(db, run, Report(Outcome.COMPLETED, evidence=evidence), actor="test", now=now)
    pass_sequence.after_run(context)
    assert load_story(context.store, 1).stage == Coding()
