from collections.abc import Mapping
from datetime import timedelta

import pytest
from msgspec.structs import replace

from huskies_core import merge_results
from huskies_core.clock import to_iso
from huskies_core.config.records import ProjectConfig
from huskies_core.ids import Seq
from huskies_core.merge_results import MergeResult
from huskies_core.pipeline import events
from huskies_core.pipeline.stages import Blocked, Coding, Merge, MergeFailure, MergeFailureKind, Qa
from huskies_core.qa_mode import QaMode
from huskies_core.scheduler.decisions import ApplyEvent, Policy, StartRun, Wait
from huskies_core.scheduler.policy import NOTHING_TO_MERGE
from huskies_core.scheduler.retry_rules import DIRTY_NUDGE, VERDICT_NUDGE, recovery_note
from huskies_core.store.runs import Outcome, Run, RunKind, Verdict
from huskies_core.store.stories import Criterion, StoryType
from support.histories import NO_WORK, POLICY, VISIT, WORK, decided, ended, story_in
from support.stories import DRAFT, NOW

CODING = story_in(Coding())
QA = story_in(Qa())
CHECKED = story_in(Qa(), replace(DRAFT, criteria=(Criterion("it works", checked=True),)))
MERGE = story_in(Merge("feature/story-1", 2))
BY_AGENT = replace(POLICY, settings=ProjectConfig(default_qa=QaMode.AGENT))
BY_HUMAN = replace(POLICY, settings=ProjectConfig(default_qa=QaMode.HUMAN))
CODER, GATES = RunKind.CODER, RunKind.GATES
HINT = "The whole output: `huskies logs 1 --run 2`"
BRANCH_AND_COMMITS = ("feature/story-1", 2)


def crashed(kind: RunKind, times: int, **fields: object) -> list[Run]:
    return [ended(kind, Outcome.CRASHED, NO_WORK, **fields)] * times


def failed_merge(kind: MergeFailureKind, detail: str = "why") -> MergeFailure:
    return MergeFailure(kind, detail)


# coding


def test_a_coding_story_without_runs_gets_a_coder() -> None:
    assert decided(CODING) == StartRun(CODER)


def test_runs_of_an_earlier_visit_do_not_count() -> None:
    assert decided(CODING, ended(CODER, visit=VISIT - 1)) == StartRun(CODER)


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.FAILED, Outcome.LIMIT, Outcome.CRASHED])
def test_the_gates_check_commits_after_any_outcome(outcome: Outcome) -> None:
    assert decided(CODING, ended(CODER, outcome)) == StartRun(GATES)


def test_the_gates_do_not_run_again_after_a_crash_without_a_new_commit() -> None:
    failed = ended(GATES, Outcome.FAILED, visit=VISIT - 1)
    again = decided(CODING, failed, ended(CODER, Outcome.CRASHED))
    assert isinstance(again, StartRun)
    assert again.kind is CODER


def test_a_tree_that_has_passed_the_gates_is_not_checked_again() -> None:
    policy = replace(POLICY, passed=lambda tree: tree == "7ee")
    assert decided(CODING, ended(CODER), policy=policy) == ApplyEvent(events.QaSkipped(*BRANCH_AND_COMMITS))


def test_a_recorded_pass_does_not_count_while_files_are_uncommitted() -> None:
    dirty = ended(CODER, evidence={**WORK, "dirty": True})
    policy = replace(POLICY, passed=lambda _: True)
    nudged = decided(CODING, dirty, policy=policy)
    assert (nudged, decided(CODING, dirty, dirty, policy=policy)) == (
        StartRun(CODER, DIRTY_NUDGE),
        StartRun(GATES),
    )


def test_without_gates_work_moves_on_at_once() -> None:
    assert decided(CODING, ended(CODER), policy=replace(POLICY, has_gates=False)) == ApplyEvent(
        events.QaSkipped(*BRANCH_AND_COMMITS)
    )


@pytest.mark.parametrize(
    ("policy", "event"),
    [
        (POLICY, events.QaSkipped(*BRANCH_AND_COMMITS)),
        (BY_AGENT, events.QaRequested()),
        (BY_HUMAN, events.ReviewHeld("waits for a person's review")),
    ],
)
def test_the_qa_mode_decides_what_follows_passed_gates(policy: Policy, event: events.Event) -> None:
    assert decided(CODING, ended(CODER), ended(GATES), policy=policy) == ApplyEvent(event)


def test_the_qa_mode_of_a_story_overrides_that_of_the_project() -> None:
    story = story_in(Coding(), replace(DRAFT, qa=QaMode.AGENT))
    assert decided(story, ended(CODER), ended(GATES)) == ApplyEvent(events.QaRequested())


def test_failed_gates_send_the_story_back_with_their_output() -> None:
    output = ended(GATES, Outcome.FAILED, {**WORK, "output": "boom"}, detail="gate 'test' exited with 1")
    expected = ApplyEvent(
        events.GatesFailed("gate 'test' exited with 1"),
        (("gate_output", f"gate 'test' exited with 1\n\nboom\n\n{HINT}"),),
    )
    assert decided(CODING, ended(CODER), output) == expected


def test_failed_gates_without_output_are_reported() -> None:
    silent = decided(CODING, ended(CODER), ended(GATES, Outcome.FAILED, detail="gate 'test' exited with 1"))
    assert isinstance(silent, ApplyEvent)
    assert silent.content == (("gate_output", f"gate 'test' exited with 1\n\n{HINT}"),)


def test_a_failure_past_max_retries_blocks() -> None:
    story = replace(CODING, retries=3)
    decision = decided(story, ended(CODER), ended(GATES, Outcome.FAILED, detail="no"))
    unlimited = decided(
        story,
        ended(CODER),
        ended(GATES, Outcome.FAILED),
        policy=replace(POLICY, settings=ProjectConfig(max_retries=0)),
    )
    assert isinstance(decision, ApplyEvent)
    assert isinstance(unlimited, ApplyEvent)
    assert (decision.event.name, unlimited.event.name) == ("block", "gates_failed")


def test_crashed_gates_run_again_and_do_not_count_as_a_failure() -> None:
    assert decided(CODING, ended(CODER), ended(GATES, Outcome.CRASHED)) == StartRun(GATES)


def test_a_spike_goes_to_review_with_and_without_commits() -> None:
    spike = story_in(Coding(), replace(DRAFT, type=StoryType.SPIKE))
    results = [decided(spike, ended(CODER, evidence=evidence)) for evidence in (WORK, NO_WORK)]
    assert results == [
        ApplyEvent(events.ReviewHeld("the spike ended (completed) with 2 commits")),
        ApplyEvent(events.ReviewHeld("the spike ended (completed) with 0 commits")),
    ]


def test_a_spike_runs_again_after_a_crash_without_commits() -> None:
    spike = story_in(Coding(), replace(DRAFT, type=StoryType.SPIKE))
    nothing, committed = (
        decided(spike, ended(CODER, Outcome.CRASHED, evidence)) for evidence in (NO_WORK, WORK)
    )
    assert isinstance(nothing, StartRun)
    assert committed == ApplyEvent(events.ReviewHeld("the spike ended (crashed) with 2 commits"))


def test_a_task_closes_without_changes_and_continues_with_dirty_files() -> None:
    task = story_in(Coding(), replace(DRAFT, type=StoryType.TASK))
    closed = decided(task, ended(CODER, evidence=NO_WORK))
    again = decided(task, ended(CODER, evidence={**NO_WORK, "dirty": True}))
    assert closed == ApplyEvent(events.Close("finished without changes", to_iso(NOW)))
    assert isinstance(again, StartRun)


# commit recovery


def test_a_run_without_commits_is_followed_by_a_nudge() -> None:
    decision = decided(CODING, ended(CODER, evidence=NO_WORK))
    assert isinstance(decision, StartRun)
    assert (decision.kind, "commit" in decision.note) == (CODER, True)


def test_recovery_ends_after_three_runs_without_progress() -> None:
    results = [decided(CODING, *[ended(CODER, evidence=NO_WORK)] * runs) for runs in (3, 4)]
    assert isinstance(results[0], StartRun)
    assert results[1] == ApplyEvent(events.Block("4 attempts in a row without a commit or any other change"))


def test_the_block_after_recovery_mentions_uncommitted_work() -> None:
    result = decided(CODING, *[ended(CODER, evidence={**NO_WORK, "dirty": True})] * 4)
    assert isinstance(result, ApplyEvent)
    assert isinstance(result.event, events.Block)
    assert result.event.reason.endswith("; its worktree has uncommitted changes")


def test_recovery_with_progress_ends_after_eight() -> None:
    moving = [ended(CODER, evidence={**NO_WORK, "fingerprint": str(number)}) for number in range(9)]
    results = [decided(CODING, *moving[:runs]) for runs in (8, 9)]
    assert isinstance(results[0], StartRun)
    assert results[1] == ApplyEvent(events.Block("9 attempts in a row without a commit"))


# crashes and setups


@pytest.mark.parametrize(("crashes", "wait"), [(1, 0), (3, 0), (4, 2), (5, 4), (6, 8), (9, 64)])
def test_the_delay_grows_with_each_crash(crashes: int, wait: int) -> None:
    history = crashed(CODER, crashes)
    now, later = decided(CODING, *history), decided(CODING, *history, now=NOW + timedelta(seconds=wait))
    until = None if not isinstance(now, Wait) else now.until
    assert (until, isinstance(later, StartRun)) == (NOW + timedelta(seconds=wait) if wait else None, True)


def test_the_tenth_crash_in_a_row_blocks() -> None:
    history = [*crashed(CODER, 9), ended(CODER, Outcome.CRASHED, NO_WORK, detail="signal 9")]
    assert decided(CODING, *history) == ApplyEvent(events.Block("10 runs in a row crashed: signal 9"))


def test_crashes_count_across_visits_until_a_run_has_another_outcome() -> None:
    before = crashed(CODER, 5, visit=VISIT - 1)
    broken = decided(CODING, *before, ended(CODER, evidence=NO_WORK), *crashed(CODER, 5))
    counted = decided(CODING, *before, *crashed(CODER, 5))
    assert isinstance(broken, Wait)
    assert isinstance(counted, ApplyEvent)


def test_cancelled_runs_do_not_count() -> None:
    cancelled = ended(CODER, Outcome.CANCELLED)
    assert decided(CODING, *crashed(CODER, 9), cancelled, now=NOW + timedelta(hours=1)) == decided(
        CODING, *crashed(CODER, 9), now=NOW + timedelta(hours=1)
    )


def test_the_third_failing_setup_in_a_row_blocks() -> None:
    failing = ended(GATES, Outcome.FAILED, {**WORK, "setup_failed": "npm"}, detail="npm: no")
    results = [decided(CODING, ended(CODER), *[failing] * times) for times in (2, 3)]
    assert results == [StartRun(GATES), ApplyEvent(events.Block("setup failed 3 times in a row: npm: no"))]


def limited(
    kind: RunKind = CODER, evidence: Mapping[str, object] = NO_WORK, *, is_named: bool = False
) -> Run:
    """Return a run that reached a rate limit, with a reset in one minute."""
    until = to_iso(NOW + timedelta(minutes=1))
    return ended(
        kind,
        Outcome.RATE_LIMITED,
        {**evidence, "rate_limit": {"until": until, "told": is_named}},
        detail="429",
    )


def test_a_rate_limited_run_is_repeated_after_the_reset() -> None:
    waits = decided(CODING, limited())
    again = decided(CODING, limited(), now=NOW + timedelta(minutes=1))
    assert isinstance(waits, Wait)
    assert (waits.rule, waits.until) == ("rate_limited", NOW + timedelta(minutes=1))
    assert again == StartRun(CODER, recovery_note(limited()))


def test_the_gates_do_not_check_commits_of_a_rate_limited_run() -> None:
    assert isinstance(decided(CODING, limited(evidence=WORK)), Wait)
    again = decided(CODING, limited(evidence=WORK), now=NOW + timedelta(hours=1))
    assert isinstance(again, StartRun)
    assert again.kind is CODER


def test_ten_limits_in_a_row_block_only_without_a_reset_time() -> None:
    unnamed = [decided(CODING, *[limited()] * times, now=NOW + timedelta(days=1)) for times in (9, 10)]
    result = decided(CODING, *[limited(is_named=True)] * 50, now=NOW + timedelta(days=1))
    assert isinstance(unnamed[0], StartRun)
    assert unnamed[1] == ApplyEvent(
        events.Block("10 runs in a row reached a rate limit without a reset time: 429")
    )
    assert isinstance(result, StartRun)


def test_limits_without_a_reset_time_do_not_block_while_the_work_grows() -> None:
    grown = [limited(evidence={**NO_WORK, "fingerprint": f"f{number}"}) for number in range(3)]
    later = NOW + timedelta(days=1)
    stuck = [decided(CODING, *grown, *[grown[-1]] * times, now=later) for times in (8, 9)]
    assert [type(decision) for decision in stuck] == [StartRun, ApplyEvent]


def test_a_rate_limited_review_is_no_attempt() -> None:
    silent = ended(RunKind.QA, verdict=None)
    tried = [silent, *[limited(RunKind.QA)] * 5]
    later = NOW + timedelta(days=1)
    again = decided(QA, *tried, policy=BY_AGENT, now=later)
    assert isinstance(again, StartRun)
    assert again.kind is RunKind.QA


# qa


def test_server_qa_runs_the_gates_and_moves_the_story_on() -> None:
    assert [decided(QA), decided(QA, ended(GATES))] == [
        StartRun(GATES),
        ApplyEvent(events.QaPassed(*BRANCH_AND_COMMITS)),
    ]


def test_human_qa_waits_for_review() -> None:
    assert decided(QA, policy=BY_HUMAN) == ApplyEvent(events.ReviewHeld("waits for a person's review"))


def test_agent_qa_is_decided_by_its_verdict() -> None:
    approved = ended(RunKind.QA, verdict=Verdict.APPROVED)
    rejected = ended(RunKind.QA, verdict=Verdict.REJECTED, notes="no tests")
    results = [decided(CHECKED, *history, policy=BY_AGENT) for history in ([], [approved], [rejected])]
    assert results == [
        StartRun(RunKind.QA),
        ApplyEvent(events.QaPassed(*BRANCH_AND_COMMITS)),
        ApplyEvent(events.QaRejected("no tests"), (("qa_notes", "no tests"),)),
    ]


def test_qa_without_a_verdict_runs_twice_then_waits_for_review() -> None:
    silent = ended(RunKind.QA)
    results = [decided(QA, *[silent] * times, policy=BY_AGENT) for times in (1, 2)]
    assert results == [
        StartRun(RunKind.QA, VERDICT_NUDGE),
        ApplyEvent(events.ReviewHeld("QA ended 2 times without a valid verdict")),
    ]


def test_an_approval_does_not_count_after_a_criterion_was_opened() -> None:
    approved = ended(RunKind.QA, verdict=Verdict.APPROVED)
    uncounted = "The last approval does not count: these criteria are not checked: 1."
    results = [decided(QA, *[approved] * times, policy=BY_AGENT) for times in (1, 2)]
    assert results == [
        StartRun(RunKind.QA, uncounted),
        ApplyEvent(events.ReviewHeld(f"QA ended 2 times without a valid verdict. {uncounted}")),
    ]


def test_an_approved_branch_without_commits_blocks() -> None:
    empty = ended(RunKind.QA, evidence=NO_WORK, verdict=Verdict.APPROVED)
    assert decided(CHECKED, empty, policy=BY_AGENT) == ApplyEvent(events.Block(NOTHING_TO_MERGE))


# merging


def merged(**result: object) -> Run:
    return ended(RunKind.MERGE, evidence={**WORK, "merge": result})


@pytest.mark.parametrize(
    ("result", "kind", "detail"),
    [
        ({"result": "conflict", "files": ["a", "b"]}, MergeFailureKind.CONFLICT_DETECTED, "a\nb"),
        ({"result": "no_commits"}, MergeFailureKind.NO_COMMITS, "the branch adds nothing to the base"),
        ({"result": "gates_failed", "output": "boom"}, MergeFailureKind.GATES_FAILED, "boom"),
        ({"result": "other", "detail": "git failed"}, MergeFailureKind.OTHER, "git failed"),
    ],
)
def test_a_merge_result_leads_to_its_failure(
    result: dict[str, object], kind: MergeFailureKind, detail: str
) -> None:
    expected = ApplyEvent(events.MergeFailed(kind, detail), (("merge_failure", detail),))
    assert decided(MERGE, merged(**result)) == expected


def test_a_branch_that_was_merged_by_hand_is_done() -> None:
    done = ApplyEvent(events.MergeSucceeded("c0ffee", to_iso(NOW)))
    assert decided(MERGE, merged(result="already_merged", commit="c0ffee")) == done


@pytest.mark.parametrize(
    "result",
    [
        merge_results.BaseDirty("a", "b", (), "why"),
        merge_results.BaseBroken("a", "boom"),
        merge_results.LostRace(),
        merge_results.Interrupted("b"),
        merge_results.StoryMoved(),
    ],
)
def test_a_merge_without_a_failure_is_repeated(result: MergeResult) -> None:
    assert decided(MERGE, merged(**result.to_json())) == StartRun(RunKind.MERGE)


@pytest.mark.parametrize("merge_result", [{}, {"result": "interrupted", "commit": "b"}])
def test_a_merge_process_that_failed_without_a_result_is_another_failure(
    merge_result: dict[str, str],
) -> None:
    broken = ended(
        RunKind.MERGE, Outcome.FAILED, {**WORK, "merge": merge_result}, detail="merge 'merge' exited with 1"
    )
    expected = "merge 'merge' exited with 1"
    assert decided(MERGE, broken) == ApplyEvent(
        events.MergeFailed(MergeFailureKind.OTHER, expected), (("merge_failure", expected),)
    )


def test_a_conflict_gets_a_mergemaster_three_times() -> None:
    story = story_in(failed_merge(MergeFailureKind.CONFLICT_DETECTED, "a.txt"))
    attempt = ended(RunKind.MERGEMASTER)
    results = [decided(story, *[attempt] * times) for times in (0, 2, 3)]
    assert results[0] == StartRun(RunKind.MERGEMASTER)
    assert isinstance(results[1], StartRun)
    assert results[2] == ApplyEvent(
        events.MergeFailedFinal("3 attempts did not resolve the conflict in a.txt")
    )


def test_a_rate_limited_or_crashed_mergemaster_is_no_attempt() -> None:
    story = story_in(failed_merge(MergeFailureKind.CONFLICT_DETECTED))
    spent = [ended(RunKind.MERGEMASTER)] * 2 + [limited(RunKind.MERGEMASTER)]
    assert isinstance(decided(story, *spent, now=NOW + timedelta(hours=2)), StartRun)


def test_a_resolution_counts_only_if_the_evidence_confirms_it() -> None:
    story = story_in(failed_merge(MergeFailureKind.CONFLICT_DETECTED))
    claimed = ended(RunKind.MERGEMASTER, verdict=Verdict.RESOLVED)
    false = ended(
        RunKind.MERGEMASTER, verdict=Verdict.RESOLVED, evidence={**WORK, "unresolved": "a.txt has markers"}
    )
    results = [decided(story, claimed), decided(story, false)]
    assert results[0] == ApplyEvent(events.ConflictResolved(*BRANCH_AND_COMMITS))
    assert results[1] == StartRun(
        RunKind.MERGEMASTER, "The last attempt did not resolve the conflict: a.txt has markers."
    )


def test_failed_gates_on_the_merged_tree_request_a_fixup() -> None:
    story = story_in(failed_merge(MergeFailureKind.GATES_FAILED, "boom"))
    fixup = events.FixupRequested("the gates failed on the merged tree")
    judged = merged(result="gates_failed", output="boom")
    results = [decided(story, *history) for history in ([], [ended(CODER), judged])]
    assert results == [ApplyEvent(fixup, (("gate_output", words),)) for words in ("boom", f"boom\n\n{HINT}")]


def test_a_merge_without_commits_blocks() -> None:
    assert decided(story_in(failed_merge(MergeFailureKind.NO_COMMITS))) == ApplyEvent(
        events.Block(NOTHING_TO_MERGE)
    )


@pytest.mark.parametrize("event", ["unblock", "unfreeze"])
def test_a_resumed_story_with_nothing_to_merge_returns_to_coding(event: str) -> None:
    story = story_in(failed_merge(MergeFailureKind.NO_COMMITS), entered_by=event)
    assert decided(story) == ApplyEvent(events.FixupRequested("the branch adds nothing to the base"))


@pytest.mark.parametrize(("failures", "minutes"), [(1, 1), (2, 5), (3, 25)])
def test_other_failures_are_retried_after_growing_delays(failures: int, minutes: int) -> None:
    story = story_in(failed_merge(MergeFailureKind.OTHER), stage_entered_at=to_iso(NOW))
    history = [merged(result="other", detail="x")] * failures
    history = [replace(run, visit=Seq(VISIT - 1)) for run in history]
    later = NOW + timedelta(minutes=minutes)
    waiting, due = decided(story, *history), decided(story, *history, now=later)
    assert isinstance(waiting, Wait)
    assert (waiting.until, due) == (later, ApplyEvent(events.MergeRetried(*BRANCH_AND_COMMITS)))


def test_the_fourth_other_failure_in_a_row_blocks() -> None:
    story = story_in(failed_merge(MergeFailureKind.OTHER, "git failed"))
    history = [replace(merged(result="other", detail="x"), visit=Seq(VISIT - 1))] * 4
    assert decided(story, *history) == ApplyEvent(events.Block("merging failed 4 times: git failed"))


def test_a_blocked_story_waits() -> None:
    assert isinstance(decided(story_in(Blocked("why", Coding()))), Wait)


def test_a_merge_that_a_person_retries_finds_the_earlier_commits() -> None:
    """Unblocking and unfreezing restart the counts; the commits on the branch stay."""
    before = (
        ended(CODER),
        ended(RunKind.MERGE, evidence={**WORK, "merge": {"result": "other", "detail": "why"}}),
    )
    resumed = story_in(failed_merge(MergeFailureKind.OTHER), reset_seq=12)
    assert decided(resumed, *before) == ApplyEvent(events.MergeRetried(*BRANCH_AND_COMMITS))


def test_a_resolution_that_leaves_nothing_to_merge_blocks_the_story() -> None:
    without_work = ended(RunKind.MERGEMASTER, verdict=Verdict.RESOLVED, evidence=NO_WORK)
    conflict = story_in(failed_merge(MergeFailureKind.CONFLICT_DETECTED))
    assert decided(conflict, without_work) == ApplyEvent(events.Block(NOTHING_TO_MERGE))
