"""What a story's ended runs add up to: crashes in a row, recoveries without progress, setups that keep failing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from huskies_core.clock import from_iso, to_iso
from huskies_core.store.runs import Outcome, Run, RunKind, Verdict
from huskies_core.store.stories import Story

CRASHES_TO_BLOCK = 10
CRASH_WAIT_LIMIT_SECS = 300
FREE_CRASHES = 3
SETUPS_TO_BLOCK = 3
RECOVERIES_IN_A_ROW = 3
RECOVERIES_IN_ALL = 8
UNDATED_LIMITS_TO_BLOCK = 10

DIRTY_NUDGE = (
    "Your last run left uncommitted files. Commit what belongs to the story; remove or ignore the rest."
)
VERDICT_NUDGE = (
    "The last review ended without a verdict. Report one before you end: "
    "`huskies approve $HUSKIES_STORY_ID` or `huskies reject $HUSKIES_STORY_ID --notes 'what is wrong, and where'`."
)


@dataclass(frozen=True)
class RetryDelay:
    """The same run may be tried again at `until`, not before."""

    rule: str
    detail: str
    until: datetime


def last_failure(history: Sequence[Run]) -> Run | None:
    """The last ended run of a story, if it failed: what it printed says why."""
    last = next((run for run in reversed(history) if not run.is_live), None)
    failed = last is not None and last.outcome in (Outcome.FAILED, Outcome.CRASHED, Outcome.LIMIT)
    return last if failed else None


def has_work(run: Run) -> bool:
    """Whether the branch had commits of its own, with a diff against the base, when the run ended."""
    return int(run.evidence.get("commits_ahead", 0)) > 0 and bool(run.evidence.get("has_diff"))


def is_evidence(run: Run, history: Sequence[Run]) -> bool:
    """Whether what the run left is to be judged by the gates.

    Work is judged whatever became of the run; only a run that was cut short must have added some to it, else the work
    that failed before would be judged again and cost a retry. A rate-limited one is half done by its own account.
    """
    if not has_work(run) or run.outcome is Outcome.RATE_LIMITED:
        return False
    if run.outcome is not Outcome.CRASHED:
        return True
    earlier = [other for other in history if other.id < run.id and other.evidence.get("head")]
    return not earlier or earlier[-1].evidence["head"] != run.evidence.get("head")


def has_responded(run: Run) -> bool:
    """Whether the agent had its say: a crash, a rate limit or a failed setup is no attempt."""
    return run.outcome in (Outcome.COMPLETED, Outcome.FAILED, Outcome.LIMIT) and not setup_failed(run)


def setup_failed(run: Run) -> bool:
    return bool(run.evidence.get("setup_failed"))


def retry_delay(history: Sequence[Run], last: Run | None, now: datetime) -> RetryDelay | str | None:
    """What keeps the last run of this visit from being followed: a wait, or the reason to block the story."""
    if last is None:
        return None
    if setup_failed(last):
        return _setup_exhausted(history)
    if last.outcome is Outcome.CRASHED and not is_evidence(last, history):
        return _after_crash(history, last, now)
    if last.outcome is Outcome.RATE_LIMITED:
        return _after_rate_limit(history, last, now)
    return None


def dirty_streak(here: Sequence[Run]) -> int:
    """How many coder runs in a row ended with uncommitted files."""
    coders = [run for run in here if run.kind is RunKind.CODER]
    return _streak([bool(run.evidence.get("dirty")) for run in coders])


def recovery_exhausted(history: Sequence[Run]) -> str:
    """Why no further nudge to commit is worth it, or nothing."""
    empty = [run for run in history if run.kind is RunKind.CODER and has_responded(run) and not has_work(run)]
    recoveries = len(empty) - 1
    marks = [run.evidence.get("fingerprint") for run in empty]
    unchanged = _streak([before == after for before, after in pairwise(marks)])
    why = f": {empty[-1].detail}" if empty and empty[-1].detail else ""
    left = (
        "; what it wrote is in its worktree, not committed"
        if empty and empty[-1].evidence.get("dirty")
        else ""
    )
    if unchanged >= RECOVERIES_IN_A_ROW:
        return f"{unchanged} runs in a row after the first made no progress and no commit{why}{left}"
    if recoveries >= RECOVERIES_IN_ALL:
        return f"{recoveries} runs after the first made no commit{why}{left}"
    return ""


def recovery_note(last: Run) -> str:
    if last.outcome is Outcome.RATE_LIMITED:
        return (
            "The limit that ended your last run is over. Go on with the story from what is in the worktree."
        )
    ended = (
        f"Your last run ended ({last.outcome}{': ' + last.detail if last.detail else ''}) without a commit. "
    )
    return ended + "Go on with the story from what is in the worktree, and commit your work before you end."


def gate_output(judged: Run | None, tail: str) -> str:
    """What the next coder reads of gates that failed, and where it finds the rest of what they printed."""
    where = "" if judged is None else f"All of it: `huskies logs {judged.story} --run {judged.id}`"
    return "\n\n".join(filter(None, (tail.strip(), where)))


def open_note(story: Story) -> str:
    """Why an approval of the story does not count, or nothing."""
    numbers = ", ".join(map(str, story.draft.open_criteria))
    return f"The last approval does not count: these criteria are not checked: {numbers}." if numbers else ""


def unresolved_note(last: Run) -> str:
    silent = "" if last.verdict is Verdict.RESOLVED else "no resolution was reported with `huskies resolve`"
    problem = "; ".join(filter(None, (last.evidence.get("unresolved"), silent)))
    return f"The last attempt did not resolve the conflict: {problem}."


def failed_otherwise(run: Run) -> str | None:
    """What went wrong with a merge that found neither a conflict nor failing gates; None when nothing did.

    A merge process that ended in failure without a result had a trouble of its own: the disk, the config, a bug.
    """
    result = run.evidence.get("merge", {})
    if result.get("result") == "other":
        return str(result["detail"])
    if run.outcome is Outcome.FAILED and result.get("result") in (None, "interrupted"):
        return run.detail or "the merge ended without a result"
    return None


def other_failures(history: Sequence[Run]) -> int:
    """How many merges in a row failed for a reason that is neither a conflict nor the gates."""
    merges = [run for run in history if run.kind is RunKind.MERGE and run.outcome is not Outcome.CRASHED]
    return _streak([failed_otherwise(run) is not None for run in merges])


def _setup_exhausted(history: Sequence[Run]) -> str | None:
    failures = _streak([setup_failed(run) for run in history])
    if failures < SETUPS_TO_BLOCK:
        return None
    return f"setup failed {failures} times in a row: {history[-1].detail}"


def _after_crash(history: Sequence[Run], last: Run, now: datetime) -> RetryDelay | str | None:
    crashes = _streak([run.outcome is Outcome.CRASHED for run in history])
    if crashes >= CRASHES_TO_BLOCK:
        return f"{crashes} runs in a row crashed: {last.detail}"
    wait = 0 if crashes <= FREE_CRASHES else min(2 ** (crashes - FREE_CRASHES), CRASH_WAIT_LIMIT_SECS)
    return _until(last, wait, now, "crash_wait", f"{crashes} crashes in a row")


def _after_rate_limit(history: Sequence[Run], last: Run, now: datetime) -> RetryDelay | str | None:
    """A wait for a time that was told is never in vain. Errors of a service that tells none may be for ever, unless
    the work grows between them."""
    untold = _stuck([run.evidence.get("fingerprint") for run in _last(history, _is_untold_limit)])
    if untold >= UNDATED_LIMITS_TO_BLOCK:
        return f"{untold} runs in a row met a limit that named no end: {last.detail}"
    until = from_iso(last.evidence["rate_limit"]["until"])
    told = last.detail or "the agent's account is at its limit"
    return (
        None if until <= now else RetryDelay("rate_limited", f"{told}; it goes on at {to_iso(until)}", until)
    )


def _stuck(marks: Sequence[str | None]) -> int:
    """How many of the last ones in a row are alike."""
    return _streak([mark == marks[-1] for mark in marks])


def _last(history: Sequence[Run], is_meant: Callable[[Run], bool]) -> Sequence[Run]:
    """The last runs in a row that are meant."""
    return history[len(history) - _streak([is_meant(run) for run in history]) :]


def _is_untold_limit(run: Run) -> bool:
    return run.outcome is Outcome.RATE_LIMITED and not run.evidence["rate_limit"]["told"]


def _until(last: Run, wait: int, now: datetime, rule: str, detail: str) -> RetryDelay | None:
    assert last.ended_at is not None
    until = from_iso(last.ended_at) + timedelta(seconds=wait)
    return None if until <= now else RetryDelay(rule, f"{detail}; the next try is at {to_iso(until)}", until)


def _streak(marks: Sequence[bool]) -> int:
    """How many of the last ones in a row are true."""
    return next((count for count, mark in enumerate(reversed(marks)) if not mark), len(marks))
