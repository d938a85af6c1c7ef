"""The scheduling policy: decide the next step of a story from its stage and its ended runs alone.

The policy has no effects. After a crash between the end of a run and the next step, the next call makes the same
decision again.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from huskies_core import merge_results
from huskies_core.clock import from_iso, to_iso
from huskies_core.pipeline import events
from huskies_core.pipeline.stages import MergeFailure, MergeFailureKind, StageName
from huskies_core.pipeline.state_machine import bounded
from huskies_core.qa_mode import QaMode
from huskies_core.runs.rules import Rule
from huskies_core.scheduler import retry_rules
from huskies_core.scheduler.decisions import ApplyEvent, Case, Decision, Policy, StartRun, Wait
from huskies_core.store import content
from huskies_core.store.evidence import BranchEvidence
from huskies_core.store.runs import Outcome, Run, RunKind, Verdict
from huskies_core.store.stories import Story, StoryType

OTHER_FAILURE_WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=25))
QA_ATTEMPTS = 2
NOTHING_TO_MERGE = "there is nothing to merge: the branch has no commits of its own"


def decide(story: Story, runs: Sequence[Run], policy: Policy, now: datetime) -> Decision:
    """Return the decision for a story without a live run. `runs` are all its runs, oldest first.

    A Block replaces an event that would exceed max_retries.
    """
    runs = [run for run in runs if run.kind is not RunKind.OTHER and run.outcome is not Outcome.CANCELLED]
    history = [run for run in runs if run.seq > story.reset_seq]
    visit_runs = [run for run in history if run.visit == story.visit]
    case = Case(story, runs, history, visit_runs, policy, now)
    delay = retry_rules.delay_or_block(case)
    if delay is not None:
        return delay
    decision = _decide_in_stage(case)
    if not isinstance(decision, ApplyEvent):
        return decision
    event = bounded(decision.event, retries=story.retries, max_retries=policy.settings.max_retries)
    return ApplyEvent(event, decision.content)


def _decide_in_stage(case: Case) -> Decision:
    stage = case.story.stage.name
    match stage:
        case StageName.CODING:
            return _decide_coding(case)
        case StageName.QA:
            return _decide_qa(case)
        case StageName.MERGE:
            return _decide_merge(case.last, case.now)
        case StageName.MERGE_FAILURE:
            return _decide_merge_failure(case)
        case StageName.BACKLOG | StageName.BLOCKED | StageName.REVIEW_HOLD | StageName.FROZEN:
            pass
        case StageName.MERGE_FAILURE_FINAL | StageName.DONE | StageName.ARCHIVED:
            pass
        case StageName.ABANDONED | StageName.SUPERSEDED:
            pass
    return Wait(Rule.PERSON, f"nothing starts in {stage.value}")


def _decide_coding(case: Case) -> Decision:
    last = case.last
    if last is None:
        return StartRun(RunKind.CODER)
    if last.evidence.failed_setup:
        return StartRun(last.kind)
    if last.kind is RunKind.GATES:
        return _after_gates(case, last)
    return _after_coder(case, last)


def _after_coder(case: Case, last: Run) -> Decision:
    branch, has_work = last.evidence.branch, retry_rules.counts_as_work(last, case.history)
    if case.story.draft.type is StoryType.SPIKE and (has_work or retry_rules.counts_as_attempt(last)):
        commits = f"{branch.commits_ahead} commit{'' if branch.commits_ahead == 1 else 's'}"
        return ApplyEvent(events.ReviewHeld(f"the spike ended ({last.outcome}) with {commits}"))
    if not has_work:
        return _without_commits(case, last)
    if branch.dirty and retry_rules.dirty_streak(case.visit_runs) < 2:
        return StartRun(RunKind.CODER, retry_rules.DIRTY_NUDGE)
    is_proven = not branch.dirty and bool(branch.tree) and case.policy.passed(str(branch.tree))
    if case.policy.has_gates and not is_proven:
        return StartRun(RunKind.GATES)
    return _after_passed_gates(case, last)


def _without_commits(case: Case, last: Run) -> Decision:
    is_clean = not last.evidence.branch.dirty
    if case.story.draft.type is StoryType.TASK and last.outcome is Outcome.COMPLETED and is_clean:
        return ApplyEvent(events.Close("finished without changes", to_iso(case.now)))
    block = retry_rules.block_without_commits(case.history)
    return block or StartRun(RunKind.CODER, retry_rules.recovery_note(last))


def _after_gates(case: Case, last: Run) -> Decision:
    match last.outcome:
        case Outcome.COMPLETED:
            return _after_passed_gates(case, last)
        case Outcome.FAILED:
            output = retry_rules.gate_output(last, f"{last.detail}\n\n{last.evidence.output or ''}")
            return ApplyEvent(events.GatesFailed(last.detail), ((content.GATE_OUTPUT, output),))
        case (
            None
            | Outcome.CRASHED
            | Outcome.LIMIT
            | Outcome.RATE_LIMITED
            | Outcome.STOPPED
            | Outcome.CANCELLED
        ):
            return StartRun(RunKind.GATES)


def _after_passed_gates(case: Case, last: Run) -> Decision:
    match case.qa_mode:
        case QaMode.HUMAN:
            return ApplyEvent(events.ReviewHeld("waits for a person's review"))
        case QaMode.AGENT:
            is_coding = case.story.stage.name is StageName.CODING
            return ApplyEvent(events.QaRequested()) if is_coding else StartRun(RunKind.QA)
        case QaMode.SERVER:
            return _to_merge(case.story, last)


def _to_merge(story: Story, last: Run) -> Decision:
    event = events.QaSkipped if story.stage.name is StageName.CODING else events.QaPassed
    return _queue(last.evidence.branch, event)


def _queue(branch: BranchEvidence | None, event: Callable[[str, int], events.Mergeable]) -> ApplyEvent:
    """Return the event that puts the branch into the merge queue, or the block of a branch without commits."""
    if branch is None or not branch.has_work:
        return ApplyEvent(events.Block(NOTHING_TO_MERGE))
    return ApplyEvent(event(branch.name, branch.commits_ahead))


def _decide_qa(case: Case) -> Decision:
    match case.qa_mode:
        case QaMode.HUMAN:
            return ApplyEvent(events.ReviewHeld("waits for a person's review"))
        case QaMode.AGENT:
            return _after_reviews(case.story, [run for run in case.visit_runs if run.kind is RunKind.QA])
        case QaMode.SERVER:
            last = case.last
            if last is None or last.kind is not RunKind.GATES or last.evidence.failed_setup:
                return StartRun(RunKind.GATES)
            return _after_gates(case, last)


def _after_reviews(story: Story, reviews: Sequence[Run]) -> Decision:
    """Return the decision after the QA runs of this visit. An approval counts only while every criterion is checked."""
    last = reviews[-1] if reviews else None
    if last is None or last.evidence.failed_setup:
        return StartRun(RunKind.QA)
    if last.verdict is Verdict.REJECTED:
        return ApplyEvent(events.QaRejected(last.notes), ((content.QA_NOTES, last.notes),))
    is_approved = last.verdict is Verdict.APPROVED
    note = retry_rules.open_criteria_note(story) if is_approved else retry_rules.VERDICT_NUDGE
    if not note:
        return _to_merge(story, last)
    attempts = sum(retry_rules.counts_as_attempt(run) for run in reviews)
    if attempts >= QA_ATTEMPTS:
        why = f". {note}" if is_approved else ""
        return ApplyEvent(events.ReviewHeld(f"QA ended {attempts} times without a valid verdict{why}"))
    return StartRun(RunKind.QA, note)


def _decide_merge(last: Run | None, now: datetime) -> Decision:
    if last is None:
        return StartRun(RunKind.MERGE)
    result = last.evidence.merge
    if isinstance(result, merge_results.AlreadyMerged):
        return ApplyEvent(events.MergeSucceeded(result.commit, to_iso(now)))
    failure = retry_rules.merge_failure(last)
    if failure is None:
        return StartRun(RunKind.MERGE)
    return ApplyEvent(failure, ((content.MERGE_FAILURE, failure.detail),))


def _decide_merge_failure(case: Case) -> Decision:
    failure = case.story.stage
    assert isinstance(failure, MergeFailure)
    match failure.kind:
        case MergeFailureKind.CONFLICT_DETECTED:
            return _after_conflict(failure.detail, case)
        case MergeFailureKind.GATES_FAILED:
            fixup = events.FixupRequested("the gates failed on the merged tree")
            merge = next((run for run in reversed(case.history) if run.kind is RunKind.MERGE), None)
            return ApplyEvent(fixup, ((content.GATE_OUTPUT, retry_rules.gate_output(merge, failure.detail)),))
        case MergeFailureKind.NO_COMMITS:
            # A person who unblocks or unfreezes a story without anything to merge expects more work on it.
            if case.story.entered_by in (events.Unblock.name, events.Unfreeze.name):
                return ApplyEvent(events.FixupRequested("the branch adds nothing to the base"))
            return ApplyEvent(events.Block(NOTHING_TO_MERGE))
        case MergeFailureKind.OTHER:
            return _after_other_failure(case, failure.detail)


def _after_conflict(files: str, case: Case) -> Decision:
    masters = [run for run in case.visit_runs if run.kind is RunKind.MERGEMASTER]
    attempts = [run for run in masters if retry_rules.counts_as_attempt(run)]
    last = attempts[-1] if attempts else None
    if last is not None and last.verdict is Verdict.RESOLVED and not last.evidence.unresolved:
        return _queue(last.evidence.branch, events.ConflictResolved)
    if len(attempts) >= case.policy.settings.merge.mergemaster_attempts:
        reason = f"{len(attempts)} attempts did not resolve the conflict in {files}"
        return ApplyEvent(events.MergeFailedFinal(reason))
    return StartRun(RunKind.MERGEMASTER, "" if last is None else retry_rules.unresolved_note(last))


def _after_other_failure(case: Case, detail: str) -> Decision:
    failures = retry_rules.other_failures(case.history)
    if failures > len(OTHER_FAILURE_WAITS):
        return ApplyEvent(events.Block(f"merging failed {failures} times: {detail}"[:2000]))
    until = from_iso(case.story.stage_entered_at) + OTHER_FAILURE_WAITS[max(failures - 1, 0)]
    if case.now < until:
        return Wait(Rule.MERGE_RETRY, f"the next merge attempt is at {to_iso(until)}", until)
    branch = next((run.evidence.branch for run in reversed(case.runs) if run.evidence.branch.has_work), None)
    return _queue(branch, events.MergeRetried)
