import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.ids import RunId, StoryId
from huskies_core.operations.explain import explain
from huskies_core.pipeline.events import Abandon, Block, Demote, QaRejected, Start, Supersede
from huskies_core.pipeline.stages import Coding, Merge, MergeFailure, MergeFailureKind, Qa
from huskies_core.scheduler.explanation import Explanation
from huskies_core.store import queue_holds, runs
from huskies_core.store.runs import Outcome, Report, RunKind
from huskies_core.store.stories import StoryType
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.claims import claim_run, end_run
from support.contexts import Clock, agent_toml, configure, opened
from support.stage_examples import STAGES
from support.stories import DRAFT, NOW, add_story, apply_to_story, import_story

AGENTS = agent_toml() + agent_toml("max", "mergemaster")
CODER = RunKind.CODER
WORK: Mapping[str, Any] = {"commits_ahead": 1, "has_diff": True, "branch": "feature/story-1", "tree": "t"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with opened(tmp_path / "repo", clock, agents_toml=AGENTS) as context:
        yield context


def blockers_and_next_step(explanation: Explanation) -> tuple[list[tuple[str, str]], str]:
    """Return the rules and commands of the blockers, and the next step."""
    return [(blocker.rule, blocker.command) for blocker in explanation.blockers], explanation.next


def test_a_story_in_backlog_waits_to_be_started(context: Context) -> None:
    add_story(context.store)
    assert blockers_and_next_step(explain(context, StoryId(1))) == (
        [("not_started", "huskies start 1")],
        "you: huskies start 1",
    )


def test_a_demoted_story_is_described_as_demoted(context: Context) -> None:
    configure(context, 'auto_promote = "all"')
    add_story(context.store)
    apply_to_story(context.store, 1, Start())
    apply_to_story(context.store, 1, Demote())
    (blocker,) = explain(context, StoryId(1)).blockers
    assert blocker.detail == "was demoted and waits to be started"


def test_a_story_that_starts_by_itself_is_promoted_next(context: Context) -> None:
    configure(context, 'auto_promote = "all"')
    add_story(context.store)
    assert blockers_and_next_step(explain(context, StoryId(1))) == (
        [],
        "it is promoted at the next auto-assign",
    )


def test_an_unmet_dependency_is_named_with_its_stage(context: Context) -> None:
    import_story(context.store, Coding(), number=StoryId(1))
    waiting = add_story(context.store, draft=replace(DRAFT, depends_on=(StoryId(1),)))
    explanation = explain(context, waiting.id)
    assert blockers_and_next_step(explanation) == (
        [("unmet_dependency", "huskies explain 1")],
        "the end of 1; then it is promoted at the next auto-assign",
    )
    assert explanation.blockers[0].detail == "story 1 is in coding"


def test_an_abandoned_dependency_needs_a_person_and_so_does_one_that_it_supersedes(context: Context) -> None:
    for _ in range(2):
        add_story(context.store)
    apply_to_story(context.store, 2, Abandon("no"))
    apply_to_story(context.store, 1, Supersede(StoryId(2)))
    for needs in (1, 2):
        add_story(context.store, draft=replace(DRAFT, depends_on=(StoryId(needs),)))
    assert [explain(context, StoryId(number)).next for number in (3, 4)] == [
        f"you: a dependency is abandoned; "
        f"huskies update {number} --depends-on ..., or huskies start {number} --force"
        for number in (3, 4)
    ]


def test_an_epic_waits_for_its_members(context: Context) -> None:
    epic = add_story(context.store, draft=replace(DRAFT, type=StoryType.EPIC))
    empty = explain(context, epic.id).next
    member = add_story(context.store, draft=replace(DRAFT, epic=epic.id))
    waiting = blockers_and_next_step(explain(context, epic.id))
    apply_to_story(context.store, member.id, Abandon("no"))
    assert empty == "you: give it members (huskies add TITLE --epic 1), or huskies close 1 --reason TEXT"
    assert waiting == (
        [("epic", "huskies explain 2")],
        "it closes by itself when these members are finished: 2",
    )
    assert explain(context, epic.id).next == "the next archive-done closes it: all its members are finished"


def test_rules_are_listed_in_the_order_in_which_they_are_checked(context: Context) -> None:
    import_story(context.store, Coding())
    explanation = explain(context, StoryId(1))
    assert ([check.rule for check in explanation.checks], explanation.blockers) == (
        [
            *("finished", "person", "live_run", "wait"),
            *("budget_exhausted", "paused", "no_agent", "max_coders", "agents_busy"),
        ],
        (),
    )
    assert explanation.next == "a coder run by ann at the next auto-assign"


def test_the_stories_before_a_queued_story_are_named(context: Context) -> None:
    for _ in range(2):
        import_story(context.store, Coding())
    explanation = explain(context, StoryId(2))
    assert blockers_and_next_step(explanation) == (
        [("agents_busy", "huskies explain 1")],
        "an agent that becomes free",
    )
    assert explanation.blockers[0].detail == "queued behind story 1"


def test_a_live_run_is_the_only_reported_blocker(context: Context) -> None:
    import_story(context.store, Coding())
    run = claim_run(context.store, 1)
    lock = take_lock(RunDirectory(context.project.run_dir(run)))
    assert lock is not None
    explanation = explain(context, StoryId(1))
    os.close(lock)
    assert [check.rule for check in explanation.checks] == ["finished", "person", "live_run"]
    assert blockers_and_next_step(explanation) == (
        [("live_run", "huskies logs 1 -f")],
        "the end of the coder run by ann (run 1)",
    )


def test_an_agent_of_no_stage_moves_no_story(context: Context) -> None:
    import_story(context.store, STAGES["review_hold"])
    claim_run(context.store, 1, RunKind.OTHER)
    assert explain(context, StoryId(1)).next == FOR_A_PERSON["review_hold"]


def test_a_dead_run_is_ended_by_the_next_tick(context: Context) -> None:
    import_story(context.store, Coding())
    claim_run(context.store, 1, RunKind.GATES, None)
    assert (
        explain(context, StoryId(1)).next
        == "the next tick: gates run 1 is dead, and the tick records its end"
    )


def test_a_wait_after_crashes_names_its_end(context: Context) -> None:
    import_story(context.store, Coding())
    for _ in range(4):
        end_run(context.store, claim_run(context.store, 1), Outcome.CRASHED)
    assert blockers_and_next_step(explain(context, StoryId(1))) == (
        [("crash_wait", "")],
        "4 crashes in a row; the next attempt is at 2026-03-01T12:00:02.000Z",
    )


def test_a_due_event_is_named_with_its_target(context: Context) -> None:
    import_story(context.store, Coding())
    end_run(context.store, claim_run(context.store, 1), **WORK)
    assert blockers_and_next_step(explain(context, StoryId(1))) == (
        [],
        "the next auto-assign moves it to merge (qa_skipped)",
    )


def test_retries_that_are_used_are_noted(context: Context) -> None:
    import_story(context.store, Qa())
    apply_to_story(context.store, 1, QaRejected("no tests"))
    assert explain(context, StoryId(1)).notes == ("1 of 3 retries are spent",)


def test_an_unknown_agent_of_a_story_is_noted(context: Context) -> None:
    for name in ("zoe", "ann"):
        add_story(context.store, draft=replace(DRAFT, agent=name))
    expected = "no agent has the name or model 'zoe': any agent of the stage may take the story"
    assert (explain(context, StoryId(1)).notes, explain(context, StoryId(2)).notes) == ((expected,), ())


GATE = '[[gate]]\nname = "tests"\ncommand = ["true"]\n'


def test_a_project_without_gates_is_noted(context: Context) -> None:
    import_story(context.store, Merge("b", 1))
    without = explain(context, StoryId(1)).notes
    configure(context, GATE)
    assert (without[1:], explain(context, StoryId(1)).notes[1:]) == (
        ("the merge is not tested: project.toml has no gates, and script/test is not executable",),
        (),
    )


def test_the_place_of_a_story_in_the_merge_queue_is_noted(context: Context) -> None:
    configure(context, GATE)
    for number in (1, 2):
        import_story(context.store, Merge("b", 1), number=StoryId(number))
    first, second = explain(context, StoryId(1)), explain(context, StoryId(2))
    assert (blockers_and_next_step(first), first.notes) == (
        ([], "a merge run at the next auto-assign"),
        ("number 1 of 2 in the merge queue",),
    )
    assert (blockers_and_next_step(second), second.notes) == (
        ([("merge_queue", "huskies explain 1")], "the end of the merge before it"),
        ("number 2 of 2 in the merge queue",),
    )


def test_a_story_that_waits_too_long_for_its_merge_is_noted(context: Context, clock: Clock) -> None:
    import_story(context.store, Merge("b", 1))
    clock.pass_by(seconds=3600)
    before = explain(context, StoryId(1)).notes
    clock.pass_by(seconds=1)
    assert explain(context, StoryId(1)).notes == (
        *before,
        f"in the merge queue since {to_iso(NOW)}, longer than merge.starvation_secs (3600)",
    )


def test_a_broken_base_and_a_dirty_base_block_the_merge(context: Context) -> None:
    import_story(context.store, Merge("b", 1))
    with context.store.exclusive() as db:
        queue_holds.put(
            db, queue_holds.QueueHoldKind.BASE_DIRTY, StoryId(1), {"paths": ["a"]}, actor="test", now=NOW
        )
    dirty = explain(context, StoryId(1))
    with context.store.exclusive() as db:
        queue_holds.put(
            db, queue_holds.QueueHoldKind.BASE_BROKEN, queue_holds.QUEUE, {"tip": "x"}, actor="test", now=NOW
        )
    broken = explain(context, StoryId(1))
    assert ([blocker.rule for blocker in dirty.blockers], dirty.next) == (
        ["base_dirty"],
        "you: git stash",
    )
    # Neither hold matches the current tip of the base.
    assert (
        dirty.notes[-1]
        == "the reason for the queue hold no longer exists: the next reconcile releases the hold"
    )
    assert ([blocker.rule for blocker in broken.blockers], broken.next) == (
        ["base_broken", "base_dirty"],
        "you: a commit that fixes the base branch",
    )


def test_a_locked_base_blocks_the_merge_with_the_recorded_reason(context: Context) -> None:
    import_story(context.store, Merge("b", 1))
    detail = {"paths": [], "reason": "/r/.git/index.lock exists"}
    with context.store.exclusive() as db:
        queue_holds.put(db, queue_holds.QueueHoldKind.BASE_DIRTY, StoryId(1), detail, actor="test", now=NOW)
    locked = explain(context, StoryId(1))
    assert ([blocker.rule for blocker in locked.blockers], locked.next) == (
        ["base_dirty"],
        "/r/.git/index.lock exists",
    )


def test_a_conflict_waits_for_a_mergemaster(context: Context) -> None:
    import_story(context.store, MergeFailure(MergeFailureKind.CONFLICT_DETECTED, "a"))
    assert blockers_and_next_step(explain(context, StoryId(1))) == (
        [],
        "a mergemaster run by max at the next auto-assign",
    )


def test_the_next_step_after_a_failed_merge_is_named(context: Context) -> None:
    import_story(context.store, MergeFailure(MergeFailureKind.GATES_FAILED, "a"), number=StoryId(1))
    import_story(context.store, MergeFailure(MergeFailureKind.OTHER, "a"), number=StoryId(2))
    import_story(context.store, MergeFailure(MergeFailureKind.NO_COMMITS, ""), number=StoryId(3))
    assert [explain(context, StoryId(number)).next for number in (1, 2, 3)] == [
        "the next merge-recovery moves it to coding (fixup_requested)",
        "the next merge attempt is at 2026-03-01T12:01:00.000Z",
        "the next merge-recovery blocks it: there is nothing to merge: the branch has no commits of its own",
    ]


def test_a_missing_agent_is_a_blocker(context: Context) -> None:
    context.project.agents_toml.write_text("# none\n")
    import_story(context.store, Coding())
    explanation = explain(context, StoryId(1))
    assert ([blocker.rule for blocker in explanation.blockers], explanation.next) == (
        ["no_agent"],
        "you: add an agent for this work to agents.toml",
    )
    assert [check.rule for check in explanation.checks][-2:] == ["no_agent", "max_coders"]


def test_a_conflict_without_a_mergemaster_needs_a_person(context: Context) -> None:
    context.project.agents_toml.write_text("# none\n")
    import_story(context.store, MergeFailure(MergeFailureKind.CONFLICT_DETECTED, "a"))
    explanation = explain(context, StoryId(1))
    (blocker,) = explanation.blockers
    merge = 'cd "$(huskies worktree path 1)" && git merge main'
    by_hand = f"to resolve the conflict yourself: {merge}, edit and commit the files, then"
    assert (blocker.detail, blocker.command, explanation.next) == (
        f"agents.toml has no mergemaster agent for it; {by_hand}",
        "huskies resolve 1",
        "you: add an agent for this work to agents.toml, or resolve the conflict yourself, then huskies resolve 1",
    )


def test_a_story_that_a_failed_run_blocked_names_the_output_of_the_run(context: Context) -> None:
    import_story(context.store, Coding())
    run = claim_run(context.store, 1)
    with context.store.exclusive() as db:
        runs.end(db, RunId(run), Report(Outcome.FAILED, "exit code 7"), actor="test", now=NOW)
    apply_to_story(context.store, 1, Block("no commits after 3 runs"))
    expected = f"its last run, coder run {run}, ended as failed: exit code 7; 'huskies logs 1' shows it"
    assert explain(context, StoryId(1)).notes == (expected,)


FOR_A_PERSON = {
    "review_hold": "you: huskies approve 1, or huskies reject 1 --notes TEXT",
    "blocked": "you: huskies unblock 1 (back to merge)",
    "frozen": "you: huskies unfreeze 1 (back to blocked)",
    "merge_failure_final": "you: huskies retry 1, huskies resolve 1 after you merged the base branch into the"
    " story's branch and committed, or huskies merged 1 --commit SHA",
    "done": "archive-done archives it after 2026-03-01T16:00:00.000Z",
    "archived": "nothing: the story is closed; huskies reopen 1 puts it back into the backlog",
    "abandoned": "nothing: the story is closed; huskies reopen 1 puts it back into the backlog",
    "superseded": "nothing: the story is closed; huskies reopen 1 puts it back into the backlog",
}


@pytest.mark.parametrize("name", FOR_A_PERSON)
def test_the_command_is_named_if_a_person_must_act(context: Context, name: str) -> None:
    import_story(context.store, STAGES[name])
    explanation = explain(context, StoryId(1))
    assert (explanation.next, len(explanation.blockers)) == (FOR_A_PERSON[name], 1)


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_is_explained(context: Context, name: str) -> None:
    import_story(context.store, STAGES[name])
    explanation = explain(context, StoryId(1))
    assert explanation.next
    assert all(check.rule.passed for check in explanation.checks)
