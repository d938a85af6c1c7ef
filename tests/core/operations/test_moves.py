"""Events that a person applies, with real branches."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId, Seq, StoryId
from huskies_core.operations import moves
from huskies_core.operations.moves import Released, RetryTo
from huskies_core.operations.operation import Operation, operations_in
from huskies_core.operations.stories import create, update_story
from huskies_core.operations.story_events import Moved, Reported, start
from huskies_core.pipeline.events import (
    MergeFailed,
    MergeFailedFinal,
    QaRequested,
    QaSkipped,
    ReviewHeld,
)
from huskies_core.pipeline.stages import (
    TERMINAL,
    Archived,
    ArchiveReason,
    Blocked,
    Coding,
    Done,
    Merge,
    MergeFailureKind,
    Qa,
    Stage,
    StageName,
    Superseded,
)
from huskies_core.pipeline.state_machine import TABLE
from huskies_core.store import content, journal, queue_holds, runs, stories
from huskies_core.store.queue_holds import QUEUE, QueueHoldKind
from huskies_core.store.runs import RunKind, Verdict
from huskies_core.store.stories import Criterion, StoryDraft, StoryType
from huskies_core.supervisor.records import Limits, RunSpec
from huskies_core.supervisor.run_directory import RunDirectory
from support.drafts import draft
from support.git_repository import GitRepository
from support.stories import apply_events

AsRun = Callable[[int, RunKind], Context]
BRANCH = "feature/story-1"
TO_MERGE = QaSkipped(BRANCH, 1)
CONFLICT = MergeFailed(MergeFailureKind.CONFLICT_DETECTED, "README")
FINAL = MergeFailedFinal("three attempts")


COMMANDS = {row.command: row for row in TABLE if row.command}
"""The rows of the state machine by their command; `retry` leads to merge, and also has forms for other stages."""


def test_each_command_of_the_state_machine_is_a_move() -> None:
    names = [move.command.name for move in operations_in(moves) if move.command]
    assert sorted(names) == sorted({name.split()[0] for name in COMMANDS})


@pytest.mark.parametrize("move", list(operations_in(moves)), ids=lambda move: move.tool)
def test_a_move_completes_the_stories_in_the_stages_that_allow_it(move: Operation[Any, Any]) -> None:
    """A move that few stages allow lists them; for the others, the shell offers all open or all finished stories."""
    assert move.command is not None
    sources, completion = COMMANDS[move.command.name].sources, move.parameters[0].about.completion
    kind, _, listed = completion.partition("/")
    assert completion == "finished" if sources == TERMINAL else kind == "stories"
    assert set(filter(None, listed.split(","))) == (sources if len(sources) <= 3 else set())
    assert sources <= TERMINAL or not sources & TERMINAL


def stage(context: Context, story: int = 1) -> Stage:
    with context.store.reading() as db:
        return stories.load(db, StoryId(story)).stage


def add_work(repository: GitRepository, path: str = "work") -> str:
    """Add a commit to the branch of story 1."""
    repository.checkout(BRANCH, new=True)
    commit = repository.commit_file(path, "done\n")
    repository.checkout("main")
    return commit


def refusal_of(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(HuskiesError) as refusal:
        act()
    return refusal.value.code, refusal.value.message


def test_a_story_is_started_once(context: Context) -> None:
    create(context, draft())
    assert moves.start_story(context, StoryId(1)) == Moved(
        StoryId(1), "start", StageName.BACKLOG, StageName.CODING
    )
    result = refusal_of(lambda: moves.start_story(context, StoryId(1)))
    assert result == ("invalid_transition", "story 1 is in coding: start is not allowed there")


def test_an_epic_is_never_started(context: Context) -> None:
    create(context, StoryDraft("All of it", type=StoryType.EPIC))
    assert refusal_of(lambda: moves.start_story(context, StoryId(1), force=True))[0] == "epic"


def test_a_story_waits_for_its_dependencies_unless_forced(context: Context) -> None:
    create(context, draft(), start=True)
    create(context, draft(), start=True)
    create(context, draft(depends_on=(1, 2)))
    moves.abandon_story(context, StoryId(2), reason="too old")
    result = refusal_of(lambda: moves.start_story(context, StoryId(3)))
    never = "2 (abandoned: too old)"
    assert result == ("unmet_dependency", f"story 3 waits for 1 (coding), {never}")
    assert start(context, StoryId(3), force=True).after is StageName.CODING


def test_a_superseded_dependency_is_replaced_by_its_heir(context: Context) -> None:
    create(context, draft())
    create(context, draft())
    create(context, draft(depends_on=(1,)))
    moves.supersede_story(context, StoryId(1), by=StoryId(2))
    result = refusal_of(lambda: moves.start_story(context, StoryId(3)))[1]
    moves.close_story(context, StoryId(2), reason="done elsewhere")
    assert result == "story 3 waits for 1 (superseded by 2: backlog)"
    assert start(context, StoryId(3)).after is StageName.CODING


def test_a_story_is_blocked_with_a_reason_and_continues(context: Context) -> None:
    create(context, draft(), start=True)
    moves.block_story(context, StoryId(1), reason="no key")
    blocked = stage(context)
    moves.unblock_story(context, StoryId(1))
    assert (blocked, stage(context)) == (Blocked("no key", Coding()), Coding())


def test_an_empty_reason_is_refused(context: Context) -> None:
    create(context, draft())
    assert refusal_of(lambda: moves.block_story(context, StoryId(1), reason=" "))[0] == "missing_reason"


def test_a_missing_story_is_named(context: Context) -> None:
    assert refusal_of(lambda: moves.freeze_story(context, StoryId(7))) == ("not_found", "there is no story 7")


@pytest.mark.parametrize(("by", "code"), [(1, "dependency_cycle"), (2, "dependency_cycle"), (9, "not_found")])
def test_a_heir_must_exist_and_not_wait_for_the_story(context: Context, by: int, code: str) -> None:
    create(context, draft())
    create(context, draft(depends_on=(1,)))
    assert refusal_of(lambda: moves.supersede_story(context, StoryId(1), by=StoryId(by)))[0] == code
    assert stage(context).name is StageName.BACKLOG


def test_two_stories_cannot_replace_each_other(context: Context) -> None:
    create(context, draft())
    create(context, draft())
    moves.supersede_story(context, StoryId(1), by=StoryId(2))
    assert (
        refusal_of(lambda: moves.supersede_story(context, StoryId(2), by=StoryId(1)))[0] == "dependency_cycle"
    )
    assert stage(context) == Superseded(StoryId(2))


def test_an_heir_cannot_depend_on_the_story_that_it_replaced(context: Context) -> None:
    create(context, draft())
    create(context, draft())
    moves.supersede_story(context, StoryId(1), by=StoryId(2))
    result = refusal_of(lambda: update_story(context, StoryId(2), depends_on=(1,)))
    assert result == ("dependency_cycle", "story 2 would wait for itself: 2 → 1 → 2")


def test_approved_work_goes_into_the_queue(context: Context, repository: GitRepository) -> None:
    create(context, draft(), start=True)
    add_work(repository)
    apply_events(context.store, ReviewHeld("look"))
    passed = Moved(StoryId(1), "qa_passed", StageName.REVIEW_HOLD, StageName.MERGE, open_criteria=(1,))
    assert moves.approve_story(context, StoryId(1)) == passed
    assert stage(context) == Merge(BRANCH, 1)


def test_a_spike_without_commits_is_closed_when_approved(context: Context) -> None:
    create(context, draft(type=StoryType.SPIKE), start=True)
    apply_events(context.store, ReviewHeld("look"))
    moves.approve_story(context, StoryId(1))
    assert stage(context) == Archived(to_iso(context.now()), ArchiveReason.CLOSED)


def test_nothing_else_is_approved_without_commits(context: Context, repository: GitRepository) -> None:
    create(context, draft(), start=True)
    repository.branch(BRANCH)
    apply_events(context.store, ReviewHeld("look"))
    result = refusal_of(lambda: moves.approve_story(context, StoryId(1)))
    assert result == ("no_commits", "story 1 has no commits on its branch, so there is nothing to merge")


def test_a_story_outside_review_cannot_be_approved(context: Context) -> None:
    create(context, draft())
    assert refusal_of(lambda: moves.approve_story(context, StoryId(1)))[0] == "invalid_transition"


def test_notes_of_a_rejection_are_kept_for_the_next_prompt(context: Context) -> None:
    create(context, draft(), start=True)
    apply_events(context.store, QaRequested())
    moves.reject_story(context, StoryId(1), notes="-x\x1b[1m\n")
    with context.store.reading() as db:
        assert (stage(context), content.of_story(db, StoryId(1))) == (
            Coding(),
            {content.QA_NOTES: "-x\x1b[1m\n"},
        )


def test_a_rejection_without_retries_left_blocks(context: Context) -> None:
    create(context, draft(), start=True)
    for _ in range(3):
        apply_events(context.store, QaRequested())
        moves.reject_story(context, StoryId(1), notes="again")
    apply_events(context.store, QaRequested())
    assert moves.reject_story(context, StoryId(1), notes="again") == Moved(
        StoryId(1), "block", StageName.QA, StageName.BLOCKED
    )
    assert stage(context) == Blocked("qa_rejected after 3 of 3 retries: again", Qa())


def test_a_qa_run_records_its_verdict_and_moves_nothing(context: Context, as_run: AsRun) -> None:
    create(context, draft(), start=True)
    apply_events(context.store, QaRequested())
    inside = as_run(1, RunKind.QA)
    update_story(inside, StoryId(1), check=(1,))
    assert moves.approve_story(inside, StoryId(1)) == Reported(StoryId(1), RunId(1), Verdict.APPROVED)
    assert moves.reject_story(inside, StoryId(1), notes="no") == Reported(
        StoryId(1), RunId(1), Verdict.REJECTED
    )
    with context.store.reading() as db:
        run = runs.load(db, RunId(1))
    assert (stage(context), run.verdict, run.notes) == (Qa(), Verdict.REJECTED, "no")


def test_a_qa_run_cannot_approve_with_open_criteria(context: Context, as_run: AsRun) -> None:
    create(context, draft(criteria=tuple(map(Criterion, "abc"))), start=True)
    apply_events(context.store, QaRequested())
    inside = as_run(1, RunKind.QA)
    update_story(inside, StoryId(1), check=(2,))
    with pytest.raises(HuskiesError) as refusal:
        moves.approve_story(inside, StoryId(1))
    with context.store.reading() as db:
        verdict = runs.load(db, RunId(1)).verdict
    result = refusal.value
    assert (result.code, result.message, verdict) == (
        "unchecked_criteria",
        "story 1 has criteria that are not checked: 1, 3",
        None,
    )
    assert (
        result.hint == "'huskies update 1 --check 1 --check 3' for met criteria, or reject it with --notes."
    )


def test_a_verdict_is_only_for_its_kind_of_run(context: Context, as_run: AsRun) -> None:
    create(context, draft(), start=True)
    inside = as_run(1, RunKind.CODER)
    for act in (
        lambda: moves.approve_story(inside, StoryId(1)),
        lambda: moves.resolve_story(inside, StoryId(1)),
    ):
        assert refusal_of(act) == ("inside_a_run", "a coder run cannot report this")


def test_an_ended_run_cannot_report(context: Context, as_run: AsRun) -> None:
    create(context, draft(), start=True)
    inside = as_run(1, RunKind.QA)
    with context.store.exclusive() as db:
        runs.end(db, RunId(1), runs.Report(runs.Outcome.COMPLETED), actor="test", now=context.now())
    assert refusal_of(lambda: moves.approve_story(inside, StoryId(1))) == (
        "inside_a_run",
        "this run has ended",
    )


@pytest.mark.parametrize(
    ("to", "after"), [(RetryTo.MERGE, "merge"), (RetryTo.QA, "qa"), (RetryTo.CODING, "coding")]
)
def test_a_failed_merge_continues_in_the_given_stage(
    context: Context, repository: GitRepository, to: RetryTo, after: str
) -> None:
    create(context, draft(), start=True)
    add_work(repository)
    apply_events(context.store, TO_MERGE, CONFLICT, FINAL)
    moves.retry_story(context, StoryId(1), to=to)
    assert stage(context).name == after


def test_a_retry_needs_commits(context: Context) -> None:
    create(context, draft(), start=True)
    apply_events(context.store, TO_MERGE, CONFLICT)
    assert refusal_of(lambda: moves.retry_story(context, StoryId(1)))[0] == "no_commits"


@pytest.mark.parametrize(
    ("kind", "blocked"), [(QueueHoldKind.BASE_DIRTY, 1), (QueueHoldKind.BASE_BROKEN, QUEUE)]
)
def test_a_retry_ends_queue_holds_and_moves_nothing(
    context: Context, kind: QueueHoldKind, blocked: int
) -> None:
    create(context, draft(), start=True)
    apply_events(context.store, TO_MERGE)
    with context.store.exclusive() as db:
        queue_holds.put(db, kind, StoryId(blocked), {}, actor="test", now=context.now())
    assert moves.retry_story(context, StoryId(1)) == Released(StoryId(1), (kind,))
    result = refusal_of(lambda: moves.retry_story(context, StoryId(1)))
    fact = "story 1 is in merge and has no queue hold: there is nothing to retry"
    with context.store.reading() as db:
        events = [
            entry.event
            for entry in journal.entries_after(db, Seq(0))
            if entry.kind is journal.JournalKind.QUEUE
        ]
    assert (result, events) == (("invalid_transition", fact), ["hold_began", "hold_ended"])


@pytest.mark.parametrize("name", ["HEAD", "main", "refs/heads/main", ""])
def test_a_story_merged_by_hand_is_done(context: Context, repository: GitRepository, name: str) -> None:
    create(context, draft(), start=True)
    apply_events(context.store, TO_MERGE, CONFLICT)
    commit = repository.commit_file("work", "done\n")
    moves.mark_merged_story(context, StoryId(1), commit=name or commit[:10])
    assert stage(context) == Done(to_iso(context.now()), commit)


def test_only_a_commit_on_the_base_counts_as_merged(context: Context, repository: GitRepository) -> None:
    create(context, draft(), start=True)
    apply_events(context.store, TO_MERGE)
    commit = add_work(repository)
    texts = (commit, BRANCH, "--all", "0" * 40, "^main", "main..", "")
    codes = [
        refusal_of(partial(moves.mark_merged_story, context, StoryId(1), commit=word))[0] for word in texts
    ]
    assert codes == ["not_on_base", "not_on_base", *["unknown_commit"] * 5]


def test_a_resolved_conflict_goes_back_into_the_queue(context: Context, repository: GitRepository) -> None:
    create(context, draft(), start=True)
    add_work(repository)
    apply_events(context.store, TO_MERGE, CONFLICT, FINAL)
    moves.resolve_story(context, StoryId(1))
    assert stage(context) == Merge(BRANCH, 1)


def test_a_resolution_that_kept_the_base_has_commits_and_no_difference(
    context: Context, repository: GitRepository
) -> None:
    create(context, draft(), start=True)
    add_work(repository, "README")
    repository.commit_file("README", "other\n")
    repository.checkout(BRANCH)
    repository.git("merge", "--quiet", "--strategy-option=ours", "main")
    repository.git("checkout", "--quiet", "main", "--", "README")
    repository.commit_all("keep what main has")
    repository.checkout("main")
    apply_events(context.store, TO_MERGE, CONFLICT)
    result = "story 1 has 3 commits on its branch that change nothing on the base branch"
    refused = refusal_of(lambda: moves.resolve_story(context, StoryId(1)))
    assert refused == ("no_commits", f"{result}, so there is nothing to merge")


def test_an_open_conflict_is_not_resolved(context: Context, repository: GitRepository) -> None:
    create(context, draft(), start=True)
    add_work(repository, "README")
    repository.commit_file("README", "other\n")
    apply_events(context.store, TO_MERGE, CONFLICT)
    assert refusal_of(lambda: moves.resolve_story(context, StoryId(1)))[0] == "unresolved"


def test_a_failure_without_a_conflict_cannot_be_resolved(context: Context) -> None:
    create(context, draft(), start=True)
    apply_events(context.store, TO_MERGE, MergeFailed(MergeFailureKind.GATES_FAILED, "1 failed"))
    result = refusal_of(lambda: moves.resolve_story(context, StoryId(1)))
    fact = "story 1 has no conflict to resolve: its merge failed with gates_failed"
    assert result == ("invalid_transition", fact)


def test_the_run_of_the_visit_that_was_left_is_ended(context: Context, as_run: AsRun) -> None:
    create(context, draft(), start=True)
    inside = as_run(1, RunKind.CODER)
    directory = RunDirectory(inside.project.run_dir(1))
    spec = RunSpec(RunId(1), str(inside.project.root), (), {}, Limits(), "", ())
    Path(directory.path).mkdir(parents=True)
    Path(directory.spec).write_text(spec.to_json())
    moves.freeze_story(context, StoryId(1))
    with context.store.reading() as db:
        assert runs.load(db, RunId(1)).outcome is runs.Outcome.CANCELLED
