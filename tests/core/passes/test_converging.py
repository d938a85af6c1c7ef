"""The passes of reconcile: each does its work, a second run does nothing, one failing item does not stop the others."""

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.git.rescue import list_rescues
from huskies_core.git.worktrees import branch_of, made_worktrees
from huskies_core.ids import Seq, StoryId
from huskies_core.passes.gc import GC
from huskies_core.passes.pass_runner import AnyPass, run_pass
from huskies_core.passes.steps import PassReport, StepResult
from huskies_core.passes.steps import StepOutcome as Became
from huskies_core.passes.story_steps import ARCHIVE_DONE, MERGE_BLOCK, MERGE_RECOVERY, MoveStory, ReleaseHold
from huskies_core.passes.worktrees import WORKTREES
from huskies_core.pipeline import stages
from huskies_core.pipeline.events import Abandon, Demote, MergeFailed, Reopen, Start, Unblock
from huskies_core.pipeline.stages import Abandoned, Blocked, Coding, Merge, MergeFailure, MergeFailureKind
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import branches, content, gate_passes, journal, queue_holds, runs
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import StoryType
from support.claims import claim_run, end_run
from support.contexts import Clock
from support.stories import DRAFT, NOW, add_story, apply_to_story, import_story, load_story
from support.waiting import wait_until


def twice(context: Context, chosen: AnyPass) -> tuple[list[tuple[str, int | None, str]], PassReport]:
    """Run a pass twice. Return the results of the first run and the report of the second."""
    first = run_pass(context, chosen)
    return [(one.step.verb.value, one.step.story, one.outcome.value) for one in first.results], run_pass(
        context, chosen
    )


def ended_run(context: Context, story: int) -> int:
    run = claim_run(context.store, story, RunKind.GATES, None)
    end_run(context.store, run)
    return run


# files and refs of the user


NO_NUMBERS = ("9" * 25, "\u00b2", "\u0661", "007", "0", "x")


def test_folders_branches_and_refs_without_a_story_number_stop_no_pass(
    context: Context, clock: Clock
) -> None:
    project, git = context.project, context.repository.git
    for name in NO_NUMBERS:
        for folder in (project.runs_dir, project.worktrees_dir):
            (folder / name).mkdir(parents=True)
        git("branch", f"feature/story-{name}")
        git("update-ref", f"refs/huskies/rescue/{name}/20200101T000000.000Z", "HEAD")
    import_story(context.store, Coding())
    clock.pass_by(days=31)
    did = [twice(context, chosen)[0] for chosen in (GC, WORKTREES)]
    assert (did, list_rescues(context.repository)) == ([[], [("create_worktree", 1, "done")]], ())


# gc


def test_gc_purges_only_the_content_of_terminal_stories(context: Context) -> None:
    for number, stage in ((1, Coding()), (2, Abandoned("no"))):
        import_story(context.store, stage, number=StoryId(number))
        with context.store.exclusive() as db:
            content.put(db, StoryId(number), "gate_output", "x", now=NOW)
    did, again = twice(context, GC)
    with context.store.reading() as db:
        kept = (content.of_story(db, StoryId(1)), content.of_story(db, StoryId(2)))
    assert (did, again.results, kept) == ([("purge_content", 2, "done")], (), ({"gate_output": "x"}, {}))


def test_gc_removes_run_directories_past_retention(context: Context, clock: Clock) -> None:
    import_story(context.store, Coding())
    old = context.project.run_dir(ended_run(context, 1))
    old.mkdir(parents=True)
    (old / "output.log").write_text("words")
    before = twice(context, GC)[0]
    clock.pass_by(days=31)
    did, again = twice(context, GC)
    assert (before, did, again.results, old.exists()) == (
        [],
        [("remove_run_directory", None, "done")],
        (),
        False,
    )


def test_gc_expires_rescues_past_retention(context: Context, clock: Clock) -> None:
    story = add_story(context.store)
    apply_to_story(context.store, story.id, Start())
    run_pass(context, WORKTREES)
    (context.project.worktree(1) / "new.txt").write_text("work")
    apply_to_story(context.store, story.id, Abandon("no"))
    run_pass(context, WORKTREES)
    kept = len(list_rescues(context.repository))
    clock.pass_by(days=31)
    did, again = twice(context, GC)
    assert (kept, did, again.results) == (1, [("expire_rescue", None, "done")], ())
    assert list_rescues(context.repository) == ()


def test_gc_expires_passes_of_the_gates_past_retention(context: Context, clock: Clock) -> None:
    with context.store.exclusive() as db:
        gate_passes.record(db, "tree", "definition", now=NOW)
    before = twice(context, GC)[0]
    clock.pass_by(days=31)
    did, again = twice(context, GC)
    assert (before, did, again.results) == ([], [("expire_gate_passes", None, "done")], ())


# worktrees


def test_coding_stories_get_their_worktrees_and_others_do_not(context: Context) -> None:
    for number in (1, 2):
        import_story(context.store, Coding(), number=StoryId(number))
    add_story(context.store)
    did, again = twice(context, WORKTREES)
    assert did == [("create_worktree", 1, "done"), ("create_worktree", 2, "done")]
    assert (again.results, made_worktrees(context.project)) == ((), frozenset({1, 2}))


def test_one_foreign_branch_does_not_stop_the_other_worktrees(context: Context) -> None:
    for number in (1, 2):
        import_story(context.store, Coding(), number=StoryId(number))
    context.repository.git("branch", branch_of(StoryId(1)))
    did, again = twice(context, WORKTREES)
    assert did == [("create_worktree", 1, "failed"), ("create_worktree", 2, "done")]
    assert (load_story(context.store, 1).stage, again.results) == (Blocked("branch exists", Coding()), ())


def test_a_terminal_story_loses_its_worktree_but_no_work(context: Context) -> None:
    import_story(context.store, Coding(), number=StoryId(1))
    run_pass(context, WORKTREES)
    worktree = context.project.worktree(1)
    (worktree / "new.txt").write_text("work")
    apply_to_story(context.store, 1, Abandon("no"))
    did, again = twice(context, WORKTREES)
    (rescue,) = list_rescues(context.repository)
    kept = context.repository.git("show", f"{rescue.ref}:new.txt")
    assert (did, again.results, worktree.exists(), kept) == (
        [("remove_worktree", 1, "done")],
        (),
        False,
        "work",
    )
    assert context.repository.branch_tip(branch_of(StoryId(1))) is None


def test_demote_keeps_worktree_and_branch_and_reopen_starts_from_scratch(context: Context) -> None:
    import_story(context.store, Coding(), number=StoryId(1))
    run_pass(context, WORKTREES)
    apply_to_story(context.store, 1, Demote())
    demoted = twice(context, WORKTREES)[0]
    apply_to_story(context.store, 1, Abandon("no"))
    apply_to_story(context.store, 1, Reopen())
    reopened = twice(context, WORKTREES)[0]
    with context.store.reading() as db:
        assert (demoted, reopened, branches.all_stories(db)) == (
            [],
            [("remove_worktree", 1, "done")],
            frozenset(),
        )


@pytest.mark.usefixtures("processes")
def test_teardown_runs_in_the_worktree_before_its_removal(context: Context, tmp_path: Path) -> None:
    note = tmp_path / "torn-down"
    command = f'["sh", "-c", "pwd >> {note}; exit 3"]'
    component = f'[[component]]\nname = "db"\npath = "."\nteardown = {command}\n'
    context.project.project_toml.write_text(component)
    import_story(context.store, Coding(), number=StoryId(1))
    run_pass(context, WORKTREES)
    worktree = context.project.worktree(1)
    apply_to_story(context.store, 1, Abandon("no"))
    did = twice(context, WORKTREES)[0]
    wait_until(lambda: not worktree.exists(), 20, what="the worktree to go when its teardown has ended")
    with context.store.reading() as db:
        (run,) = runs.of_story(db, StoryId(1))
    assert (did, note.read_text().strip(), run.detail) == (
        [("start_run", 1, "done")],
        str(worktree),
        "teardown 'db' exited with 3",
    )


def test_at_most_max_gates_teardowns_are_live_at_once(context: Context) -> None:
    component = '[[component]]\nname = "db"\nteardown = ["true"]\n'
    context.project.project_toml.write_text(component)
    for number in range(1, 6):
        import_story(context.store, Coding(), number=StoryId(number))
    run_pass(context, WORKTREES)
    for number in range(1, 6):
        apply_to_story(context.store, number, Abandon("no"))
    claim_run(context.store, 3, RunKind.OTHER, None)
    with context.store.reading() as db:
        planned = [(action.verb.value, action.story) for action in WORKTREES.plan(take_snapshot(context, db))]
    assert planned == [("start_run", 1)]


def test_no_worktree_is_removed_while_its_story_has_a_live_run(context: Context) -> None:
    import_story(context.store, Coding(), number=StoryId(1))
    run_pass(context, WORKTREES)
    claim_run(context.store, 1)
    apply_to_story(context.store, 1, Abandon("no"))
    assert twice(context, WORKTREES)[0] == []


def test_a_story_that_was_started_again_after_the_plan_keeps_its_worktree(context: Context) -> None:
    for number in (1, 2):
        import_story(context.store, Coding(), number=StoryId(number))
    run_pass(context, WORKTREES)
    for number in (1, 2):
        apply_to_story(context.store, number, Abandon("no"))
    with context.store.reading() as db:
        planned = WORKTREES.plan(take_snapshot(context, db))
    apply_to_story(context.store, 1, Reopen())
    apply_to_story(context.store, 1, Start())
    claim_run(context.store, 2, RunKind.OTHER, None)
    ended = [(one.outcome, one.error) for one in WORKTREES.apply(context, planned)]
    with context.store.reading() as db:
        kept = (made_worktrees(context.project), branches.all_stories(db))
    assert (ended, kept) == ([(Became.SKIPPED, "stale")] * 2, (frozenset({1, 2}), frozenset({1, 2})))


def test_a_worktree_that_a_person_deleted_is_created_again_with_its_commits(context: Context) -> None:
    import_story(context.store, Coding(), number=StoryId(1))
    run_pass(context, WORKTREES)
    worktree = context.project.worktree(1)
    (worktree / "new.txt").write_text("work")
    subprocess.run(["git", "add", "--all"], cwd=worktree, check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", "work"], cwd=worktree, check=True)
    os.rename(worktree, worktree.with_name("gone"))
    did, again = twice(context, WORKTREES)
    assert (did, again.results) == ([("create_worktree", 1, "done")], ())
    assert (worktree / "new.txt").read_text() == "work"


# archive-done


def test_done_stories_are_archived_after_the_retention(context: Context, clock: Clock) -> None:
    import_story(context.store, stages.Done(to_iso(NOW), "c0ffee"), number=StoryId(1))
    import_story(context.store, stages.Done(to_iso(NOW + timedelta(hours=2)), "c0ffee"), number=StoryId(2))
    early = twice(context, ARCHIVE_DONE)[0]
    clock.pass_by(hours=4, seconds=1)
    did, again = twice(context, ARCHIVE_DONE)
    assert (early, did, again.results) == ([], [("archive_story", 1, "done")], ())


def test_an_epic_closes_when_its_members_are_terminal_and_not_before(context: Context) -> None:
    epic = add_story(context.store, draft=replace(DRAFT, type=StoryType.EPIC))
    add_story(context.store, draft=replace(DRAFT, type=StoryType.EPIC))
    members = [add_story(context.store, draft=replace(DRAFT, epic=epic.id)) for _ in range(2)]
    apply_to_story(context.store, members[0].id, Abandon("no"))
    early = twice(context, ARCHIVE_DONE)[0]
    apply_to_story(context.store, members[1].id, Abandon("no"))
    did, again = twice(context, ARCHIVE_DONE)
    assert (early, did, again.results) == ([], [("close_story", epic.id, "done")], ())


# merge-recovery and merge-block


def test_each_kind_of_merge_failure_has_its_next_step(context: Context) -> None:
    for kind in MergeFailureKind:
        import_story(context.store, MergeFailure(kind, "why"))
    did, again = twice(context, MERGE_RECOVERY)
    reached = [load_story(context.store, number).stage.name.value for number in (1, 2, 3, 4)]
    assert reached == ["blocked", "merge_failure", "coding", "merge_failure"]
    assert (did, again.results) == ([("block_story", 1, "done"), ("move_story", 3, "done")], ())


def test_a_fixup_carries_the_output_into_the_next_prompt(context: Context) -> None:
    import_story(context.store, MergeFailure(MergeFailureKind.GATES_FAILED, "boom"))
    run_pass(context, MERGE_RECOVERY)
    with context.store.reading() as db:
        assert content.of_story(db, StoryId(1)) == {"gate_output": "boom"}


def test_the_hold_of_a_broken_base_ends_when_the_tip_moves(context: Context) -> None:
    tip = context.repository.branch_tip("main")
    with context.store.exclusive() as db:
        queue_holds.put(
            db, queue_holds.QueueHoldKind.BASE_BROKEN, queue_holds.QUEUE, {"tip": tip}, actor="test", now=NOW
        )
    before = twice(context, MERGE_RECOVERY)[0]
    context.repository.git("commit", "--allow-empty", "-qm", "mended")
    did, again = twice(context, MERGE_RECOVERY)
    with context.store.reading() as db:
        events = [entry.event for entry in journal.entries_after(db, Seq(0))]
    assert (before, did, again.results) == ([], [("release_hold", None, "done")], ())
    assert events == ["hold_began", "hold_ended"]


def test_a_hold_ends_if_git_removed_its_commit(context: Context) -> None:
    import_story(context.store, Merge("b", 1), number=StoryId(1))
    detail = {"tip": context.repository.branch_tip("main"), "commit": "c0ffee" * 6 + "c0ff"}
    with context.store.exclusive() as db:
        queue_holds.put(db, queue_holds.QueueHoldKind.BASE_DIRTY, StoryId(1), detail, actor="test", now=NOW)
    did, again = twice(context, MERGE_RECOVERY)
    assert (did, again.results) == ([("release_hold", 1, "done")], ())


def test_the_third_failure_since_the_last_start_blocks(context: Context) -> None:
    import_story(context.store, Merge("b", 1), number=StoryId(1))
    for _ in range(2):
        apply_to_story(context.store, 1, MergeFailed(MergeFailureKind.OTHER, "x"))
    early = twice(context, MERGE_BLOCK)[0]
    apply_to_story(context.store, 1, MergeFailed(MergeFailureKind.GATES_FAILED, "x"))
    did, again = twice(context, MERGE_BLOCK)
    apply_to_story(context.store, 1, Unblock())
    after = twice(context, MERGE_BLOCK)[0]
    assert (early, did, again.results, after) == ([], [("block_story", 1, "done")], (), [])


def test_conflicts_do_not_count_towards_the_block(context: Context) -> None:
    import_story(context.store, Merge("b", 1), number=StoryId(1))
    for _ in range(5):
        apply_to_story(context.store, 1, MergeFailed(MergeFailureKind.CONFLICT_DETECTED, "a"))
    with context.store.reading() as db:
        assert MERGE_BLOCK.plan(take_snapshot(context, db)) == ()


def test_a_story_that_moved_after_the_plan_is_skipped(context: Context) -> None:
    import_story(context.store, MergeFailure(MergeFailureKind.NO_COMMITS, ""), number=StoryId(1))
    moved: list[bool] = []

    def apply(context: Context, steps: tuple[ReleaseHold | MoveStory, ...]) -> Iterator[StepResult]:
        if not moved:
            moved.append(True)
            apply_to_story(context.store, 1, Demote())
        return MERGE_RECOVERY.apply(context, steps)  # the plan of before

    report = run_pass(context, replace(MERGE_RECOVERY, apply=apply))
    assert [one.outcome for one in report.results] == [Became.SKIPPED]
