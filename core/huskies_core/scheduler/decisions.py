"""What a story needs next, told from its stage and its runs alone: an event to fire, a run to begin, or a wait.

Nothing here acts. A crash between a run's end and what follows from it loses nothing: the same is decided again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from huskies_core.clock import from_iso, to_iso
from huskies_core.pipeline import events
from huskies_core.pipeline.events import Event
from huskies_core.pipeline.stages import FailureKind, MergeFailure, StageName
from huskies_core.pipeline.state_machine import bounded
from huskies_core.scheduler import retry_rules
from huskies_core.scheduler.retry_rules import has_work
from huskies_core.store import content
from huskies_core.store.runs import Outcome, Run, RunKind, Verdict
from huskies_core.store.stories import QaMode, Story, StoryType

OTHER_FAILURE_WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=25))
QA_TRIES = 2
NOTHING_TO_MERGE = "there is nothing to merge: the branch has no commits of its own"


@dataclass(frozen=True)
class ApplyEvent:
    """`content` is written with the event, for the next run of the story to read."""

    event: Event
    content: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class StartRun:
    """`note` goes to the agent under a heading: why it is started once more."""

    kind: RunKind
    note: str = ""


@dataclass(frozen=True)
class Wait:
    """Nothing can be done before `until`, or, without one, before somebody does something."""

    rule: str
    detail: str
    until: datetime | None = None


Decision = ApplyEvent | StartRun | Wait


@dataclass(frozen=True)
class Rules:
    """What the project says: `passed` tells whether a tree has passed the gates, as they are now, before."""

    default_qa: QaMode
    max_retries: int
    mergemaster_attempts: int
    has_gates: bool
    passed: Callable[[str], bool]


@dataclass(frozen=True)
class Case:
    """What a decision is made from: all runs of the story, those that count for it, and those of the present visit."""

    story: Story
    runs: Sequence[Run]
    history: Sequence[Run]
    here: Sequence[Run]
    rules: Rules
    now: datetime

    @property
    def last(self) -> Run | None:
        return self.here[-1] if self.here else None


def decide(story: Story, runs: Sequence[Run], rules: Rules, now: datetime) -> Decision:
    """What follows for a story without a live run. `runs` are all that it had, oldest first; tries are counted from
    those since its counts began."""
    runs = [run for run in runs if run.kind is not RunKind.OTHER and run.outcome is not Outcome.CANCELLED]
    history = [run for run in runs if run.seq > story.reset_seq]
    here = [run for run in history if run.visit == story.visit]
    last = here[-1] if here else None
    held = retry_rules.retry_delay(history, last, now)
    if isinstance(held, str):
        return ApplyEvent(events.Block(held))
    if held is not None:
        return Wait(held.rule, held.detail, held.until)
    return _bounded(_by_stage(Case(story, runs, history, here, rules, now)), story, rules)


def qa_mode(story: Story, rules: Rules) -> QaMode:
    return story.draft.qa or rules.default_qa


def _by_stage(case: Case) -> Decision:
    match case.story.stage.name:
        case StageName.CODING:
            return _coding(case)
        case StageName.QA:
            return _qa(case)
        case StageName.MERGE:
            return _merge(case.last, case.now)
        case StageName.MERGE_FAILURE:
            return _merge_failure(case)
        case _:
            return Wait("stage", f"nothing is started in {case.story.stage.name.value}")


def _bounded(decision: Decision, story: Story, rules: Rules) -> Decision:
    if not isinstance(decision, ApplyEvent):
        return decision
    event = bounded(decision.event, retries=story.retries, max_retries=rules.max_retries)
    return ApplyEvent(event, decision.content)


def _coding(case: Case) -> Decision:
    last = case.last
    if last is None:
        return StartRun(RunKind.CODER)
    if retry_rules.setup_failed(last):
        return StartRun(last.kind)
    if last.kind is RunKind.GATES:
        return _gates_ended(case.story, last, case.rules)
    return _coder_ended(case, last)


def _coder_ended(case: Case, last: Run) -> Decision:
    found = retry_rules.is_evidence(last, case.history)
    if case.story.draft.type is StoryType.SPIKE and (found or retry_rules.has_responded(last)):
        return ApplyEvent(events.ReviewHeld(_spike_told(last)))
    if not found:
        return _without_commits(case, last)
    if last.evidence.get("dirty") and retry_rules.dirty_streak(case.here) < 2:
        return StartRun(RunKind.CODER, retry_rules.DIRTY_NUDGE)
    return _judge_work(case.story, last, case.rules)


def _spike_told(last: Run) -> str:
    commits = int(last.evidence.get("commits_ahead", 0))
    return f"the spike ended ({last.outcome}) with {commits} commit{'' if commits == 1 else 's'}"


def _without_commits(case: Case, last: Run) -> Decision:
    clean = not last.evidence.get("dirty")
    if case.story.draft.type is StoryType.TASK and last.outcome is Outcome.COMPLETED and clean:
        return ApplyEvent(events.Close("finished without changes", to_iso(case.now)))
    exhausted = retry_rules.recovery_exhausted(case.history)
    if exhausted:
        return ApplyEvent(events.Block(exhausted))
    return StartRun(RunKind.CODER, retry_rules.recovery_note(last))


def _judge_work(story: Story, last: Run, rules: Rules) -> Decision:
    """Work of its own: the gates, unless this very tree has passed them."""
    tree = last.evidence.get("tree")
    proven = not rules.has_gates or (
        not last.evidence.get("dirty") and bool(tree) and rules.passed(str(tree))
    )
    return _gates_passed(story, last, rules) if proven else StartRun(RunKind.GATES)


def _gates_ended(story: Story, last: Run, rules: Rules) -> Decision:
    if last.outcome is Outcome.COMPLETED:
        return _gates_passed(story, last, rules)
    if last.outcome is not Outcome.FAILED:
        return StartRun(RunKind.GATES)
    told = retry_rules.gate_output(last, f"{last.detail}\n\n{last.evidence.get('output', '')}")
    return ApplyEvent(events.GatesFailed(last.detail), ((content.GATE_OUTPUT, told),))


def _gates_passed(story: Story, last: Run, rules: Rules) -> Decision:
    mode = qa_mode(story, rules)
    if mode is QaMode.HUMAN:
        return ApplyEvent(events.ReviewHeld("waits for a person's review"))
    if mode is QaMode.AGENT:
        return (
            ApplyEvent(events.QaRequested()) if story.stage.name is StageName.CODING else StartRun(RunKind.QA)
        )
    return _to_merge(story, last)


def _to_merge(story: Story, last: Run) -> Decision:
    if not has_work(last):
        return ApplyEvent(events.Block(NOTHING_TO_MERGE))
    place = (str(last.evidence["branch"]), int(last.evidence["commits_ahead"]))
    return ApplyEvent(
        events.QaSkipped(*place) if story.stage.name is StageName.CODING else events.QaPassed(*place)
    )


def _qa(case: Case) -> Decision:
    mode = qa_mode(case.story, case.rules)
    if mode is QaMode.HUMAN:
        return ApplyEvent(events.ReviewHeld("waits for a person's review"))
    if mode is QaMode.AGENT:
        return _qa_by_agent(case.story, [run for run in case.here if run.kind is RunKind.QA])
    last = case.last
    if last is None or last.kind is not RunKind.GATES or retry_rules.setup_failed(last):
        return StartRun(RunKind.GATES)
    return _gates_ended(case.story, last, case.rules)


def _qa_by_agent(story: Story, here: Sequence[Run]) -> Decision:
    """An approval counts while every criterion is checked: one may have been added, or opened again, meanwhile."""
    last = here[-1] if here else None
    if last is None or retry_rules.setup_failed(last):
        return StartRun(RunKind.QA)
    if last.verdict is Verdict.REJECTED:
        return ApplyEvent(events.QaRejected(last.notes), ((content.QA_NOTES, last.notes),))
    missing = retry_rules.open_note(story) if last.verdict is Verdict.APPROVED else retry_rules.VERDICT_NUDGE
    if not missing:
        return _to_merge(story, last)
    silent = [run for run in here if retry_rules.has_responded(run)]
    if len(silent) >= QA_TRIES:
        told = f"QA ended {len(silent)} times without a verdict that counts"
        why = f". {retry_rules.open_note(story)}" if last.verdict is Verdict.APPROVED else ""
        return ApplyEvent(events.ReviewHeld(f"{told}{why}"))
    return StartRun(RunKind.QA, missing)


def _merge(last: Run | None, now: datetime) -> Decision:
    if last is None:
        return StartRun(RunKind.MERGE)
    result = dict(last.evidence.get("merge", {}))
    if result.get("result") == "already_merged":
        return ApplyEvent(events.MergeSucceeded(str(result["commit"]), to_iso(now)))
    failure = _failure_of(last, result)
    if failure is None:
        return StartRun(RunKind.MERGE)
    return ApplyEvent(failure, ((content.MERGE_FAILURE, failure.detail),))


def _failure_of(last: Run, result: Mapping[str, Any]) -> events.MergeFailed | None:
    """What a merge run found against the story; a hold of the queue and a lost race are nothing against it."""
    match result.get("result"):
        case "conflict":
            return events.MergeFailed(FailureKind.CONFLICT_DETECTED, "\n".join(result["files"]))
        case "no_commits":
            return events.MergeFailed(FailureKind.NO_COMMITS, "the branch adds nothing to the base")
        case "gates_failed":
            return events.MergeFailed(FailureKind.GATES_FAILED, str(result["output"]))
        case _:
            detail = retry_rules.failed_otherwise(last)
            return None if detail is None else events.MergeFailed(FailureKind.OTHER, detail)


def _merge_failure(case: Case) -> Decision:
    failure = case.story.stage
    assert isinstance(failure, MergeFailure)
    match failure.kind:
        case FailureKind.CONFLICT_DETECTED:
            return _conflict(failure.detail, case.here, case.rules)
        case FailureKind.GATES_FAILED:
            fixup = events.FixupRequested("the gates failed on the merged tree")
            merge = next((run for run in reversed(case.history) if run.kind is RunKind.MERGE), None)
            return ApplyEvent(fixup, ((content.GATE_OUTPUT, retry_rules.gate_output(merge, failure.detail)),))
        case FailureKind.NO_COMMITS:
            return ApplyEvent(_without_merge(case.story))
        case FailureKind.OTHER:
            return _retry_other(case, failure.detail)


def _without_merge(story: Story) -> Event:
    """A person who lets a story go on that had nothing to merge wants it worked on."""
    if story.entered_by in (events.Unblock.name, events.Unfreeze.name):
        return events.FixupRequested("the branch adds nothing to the base")
    return events.Block(NOTHING_TO_MERGE)


def _conflict(files: str, here: Sequence[Run], rules: Rules) -> Decision:
    attempts = [run for run in here if run.kind is RunKind.MERGEMASTER and retry_rules.has_responded(run)]
    last = attempts[-1] if attempts else None
    if last is not None and last.verdict is Verdict.RESOLVED and not last.evidence.get("unresolved"):
        if not has_work(last):
            return ApplyEvent(events.Block(NOTHING_TO_MERGE))
        place = (str(last.evidence["branch"]), int(last.evidence["commits_ahead"]))
        return ApplyEvent(events.ConflictResolved(*place))
    if len(attempts) >= rules.mergemaster_attempts:
        told = f"{len(attempts)} attempts did not resolve the conflict in {files}"
        return ApplyEvent(events.MergeFailedFinal(told))
    return StartRun(RunKind.MERGEMASTER, "" if last is None else retry_rules.unresolved_note(last))


def _retry_other(case: Case, detail: str) -> Decision:
    failures = retry_rules.other_failures(case.history)
    if failures > len(OTHER_FAILURE_WAITS):
        return ApplyEvent(events.Block(f"merging failed {failures} times: {detail}"[:2000]))
    until = from_iso(case.story.stage_entered_at) + OTHER_FAILURE_WAITS[max(failures - 1, 0)]
    if case.now < until:
        return Wait("merge_retry", f"the merge is tried again at {to_iso(until)}", until)
    latest = next((run for run in reversed(case.runs) if has_work(run)), None)
    if latest is None:
        return ApplyEvent(events.Block(NOTHING_TO_MERGE))
    return ApplyEvent(
        events.MergeRetried(str(latest.evidence["branch"]), int(latest.evidence["commits_ahead"]))
    )
