"""Retry rules: how often in a row the runs of a story may crash, fail in setup, lack a commit or reach a rate limit."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from huskies_core import merge_results
from huskies_core.clock import from_iso, to_iso
from huskies_core.pipeline.events import Block, MergeFailed
from huskies_core.pipeline.stages import MergeFailureKind
from huskies_core.runs.rules import Rule
from huskies_core.scheduler.decisions import ApplyEvent, Case, Wait
from huskies_core.store.runs import Outcome, Run, RunKind, Verdict
from huskies_core.store.stories import Story

CRASHES_TO_BLOCK = 10
CRASH_WAIT_LIMIT_SECS = 300
FREE_CRASHES = 3
SETUPS_TO_BLOCK = 3
RECOVERIES_IN_A_ROW = 3
RECOVERIES_IN_ALL = 8
UNNAMED_LIMITS_TO_BLOCK = 10

DIRTY_NUDGE = (
    "Your last run left uncommitted files. Commit what belongs to the story; remove or ignore the rest."
)
VERDICT_NUDGE = (
    "The last review ended without a verdict. Report one before you end: "
    "`huskies approve $HUSKIES_STORY_ID` or "
    "`huskies reject $HUSKIES_STORY_ID --notes 'criterion N: the problem, the file, and the correct result'`."
)


def last_failure(history: Sequence[Run]) -> Run | None:
    """Return the story's last ended run if it failed, else None."""
    last = next((run for run in reversed(history) if not run.is_live), None)
    failed = last is not None and last.outcome in (Outcome.FAILED, Outcome.CRASHED, Outcome.LIMIT)
    return last if failed else None


def counts_as_work(run: Run, history: Sequence[Run]) -> bool:
    """Return whether the gates should judge the run's work.

    The gates judge commits after any outcome, with two exceptions. A rate-limited run continues later. A crashed run
    must have added a commit; otherwise the gates would judge earlier failed work again and use a retry.
    """
    if not run.evidence.branch.has_work or run.outcome is Outcome.RATE_LIMITED:
        return False
    if run.outcome is not Outcome.CRASHED:
        return True
    earlier = [other for other in history if other.id < run.id and other.evidence.branch.head]
    return not earlier or earlier[-1].evidence.branch.head != run.evidence.branch.head


def counts_as_attempt(run: Run) -> bool:
    """Return whether the run counts as an attempt. Crashes, rate limits and failed setups do not."""
    match run.outcome:
        case Outcome.COMPLETED | Outcome.FAILED | Outcome.LIMIT:
            return not run.evidence.failed_setup
        case Outcome.CRASHED | Outcome.RATE_LIMITED | Outcome.STOPPED | Outcome.CANCELLED | None:
            return False


def delay_or_block(case: Case) -> Wait | ApplyEvent | None:
    """Return the wait before a repeat of the visit's last run, or the block if it failed too often."""
    last, history = case.last, case.history
    if last is None:
        return None
    if last.evidence.failed_setup:
        failures = len(_latest(history, lambda run: bool(run.evidence.failed_setup)))
        too_many = failures >= SETUPS_TO_BLOCK
        return _block(f"setup failed {failures} times in a row: {last.detail}") if too_many else None
    if last.outcome is Outcome.CRASHED and not counts_as_work(last, history):
        return _after_crash(history, last, case.now)
    return _after_rate_limit(history, last, case.now) if last.outcome is Outcome.RATE_LIMITED else None


def dirty_streak(runs: Sequence[Run]) -> int:
    """Return the number of coder runs in a row that ended with uncommitted files."""
    coders = [run for run in runs if run.kind is RunKind.CODER]
    return len(_latest(coders, lambda run: run.evidence.branch.dirty))


def block_without_commits(history: Sequence[Run]) -> ApplyEvent | None:
    """Return the block if too many coder runs ended without a commit, or without any change in the worktree."""
    coders = [run for run in history if run.kind is RunKind.CODER and counts_as_attempt(run)]
    empty = [run for run in coders if not run.evidence.branch.has_work]
    unchanged = _latest(empty, lambda run: _fingerprint(run) == _fingerprint(empty[-1]))
    if len(unchanged) <= RECOVERIES_IN_A_ROW and len(empty) <= RECOVERIES_IN_ALL:
        return None
    attempts, lack = len(empty), "commit"
    if len(unchanged) > RECOVERIES_IN_A_ROW:
        attempts, lack = len(unchanged), "commit or any other change"
    last = empty[-1]
    why = f": {last.detail}" if last.detail else ""
    rest = "; its worktree has uncommitted changes" if last.evidence.branch.dirty else ""
    return _block(f"{attempts} attempts in a row without a {lack}{why}{rest}")


def recovery_note(last: Run) -> str:
    if last.outcome is Outcome.RATE_LIMITED:
        return (
            "A rate limit ended your last run. The limit has ended. Continue from the files in the worktree."
        )
    why = f": {last.detail}" if last.detail else ""
    return (
        f"Your last run ended ({last.outcome}{why}) without a commit. "
        "Continue from the files in the worktree, and commit your work before you end."
    )


def gate_output(run: Run | None, tail: str) -> str:
    """Return the output of failed gates for the next coder, with the command that prints the whole output."""
    reference = "" if run is None else f"The whole output: `huskies logs {run.story} --run {run.id}`"
    return "\n\n".join(filter(None, (tail.strip(), reference)))


def open_criteria_note(story: Story) -> str:
    """Return the reason why an approval of the story does not count, or ""."""
    numbers = ", ".join(map(str, story.draft.open_criteria))
    return f"The last approval does not count: these criteria are not checked: {numbers}." if numbers else ""


def unresolved_note(last: Run) -> str:
    silent = "" if last.verdict is Verdict.RESOLVED else "no resolution was reported with `huskies resolve`"
    problem = "; ".join(filter(None, (last.evidence.unresolved, silent)))
    return f"The last attempt did not resolve the conflict: {problem}."


def merge_failure(run: Run) -> MergeFailed | None:
    """Return the failure of a merge run; None if the run did not fail, or can be repeated at once.

    If the merge process fails without a result, the cause is not the branch but the disk, the configuration or a bug.
    """
    result = run.evidence.merge
    match result:
        case merge_results.Conflict(files):
            return MergeFailed(MergeFailureKind.CONFLICT_DETECTED, "\n".join(files))
        case merge_results.NoCommits():
            return MergeFailed(MergeFailureKind.NO_COMMITS, "the branch adds nothing to the base")
        case merge_results.GatesFailed(output):
            return MergeFailed(MergeFailureKind.GATES_FAILED, output)
        case merge_results.OtherFailure(detail):
            return MergeFailed(MergeFailureKind.OTHER, detail)
        case merge_results.NoResult() | merge_results.Interrupted() | None:
            detail = run.detail or "the merge ended without a result"
            return MergeFailed(MergeFailureKind.OTHER, detail) if run.outcome is Outcome.FAILED else None
        case merge_results.BaseBroken() | merge_results.BaseDirty() | merge_results.LostRace():
            pass
        case merge_results.Landed() | merge_results.AlreadyMerged() | merge_results.StoryMoved():
            pass
    return None


def other_failures(history: Sequence[Run]) -> int:
    """Return the number of merges in a row that failed for a reason other than a conflict or a gate."""

    def failed_otherwise(run: Run) -> bool:
        failure = merge_failure(run)
        return failure is not None and failure.kind is MergeFailureKind.OTHER

    merges = [run for run in history if run.kind is RunKind.MERGE and run.outcome is not Outcome.CRASHED]
    return len(_latest(merges, failed_otherwise))


def _after_crash(history: Sequence[Run], last: Run, now: datetime) -> Wait | ApplyEvent | None:
    crashes = len(_latest(history, lambda run: run.outcome is Outcome.CRASHED))
    if crashes >= CRASHES_TO_BLOCK:
        return _block(f"{crashes} runs in a row crashed: {last.detail}")
    wait = 0 if crashes <= FREE_CRASHES else min(2 ** (crashes - FREE_CRASHES), CRASH_WAIT_LIMIT_SECS)
    assert last.ended_at is not None
    until = from_iso(last.ended_at) + timedelta(seconds=wait)
    if until <= now:
        return None
    return Wait(Rule.CRASH_WAIT, f"{crashes} crashes in a row; the next attempt is at {to_iso(until)}", until)


def _after_rate_limit(history: Sequence[Run], last: Run, now: datetime) -> Wait | ApplyEvent | None:
    """Return the wait for the reset time that the provider named, or the block after ten limits without progress."""

    def is_unnamed_and_unchanged(run: Run) -> bool:
        reset = run.evidence.limit_reset
        is_unnamed = run.outcome is Outcome.RATE_LIMITED and reset is not None and not reset.is_named
        return is_unnamed and _fingerprint(run) == _fingerprint(last)

    unchanged = len(_latest(history, is_unnamed_and_unchanged))
    if unchanged >= UNNAMED_LIMITS_TO_BLOCK:
        return _block(f"{unchanged} runs in a row reached a rate limit without a reset time: {last.detail}")
    assert last.evidence.limit_reset is not None
    until = last.evidence.limit_reset.until
    if until <= now:
        return None
    why = last.detail or "the agent's account is at its rate limit"
    return Wait(Rule.RATE_LIMITED, f"{why}; the story continues at {to_iso(until)}", until)


def _block(reason: str) -> ApplyEvent:
    return ApplyEvent(Block(reason))


def _fingerprint(run: Run) -> str | None:
    return run.evidence.branch.fingerprint


def _latest(runs: Sequence[Run], matches: Callable[[Run], bool]) -> list[Run]:
    """Return the latest runs in a row that match, newest first."""
    return list(takewhile(matches, reversed(runs)))
