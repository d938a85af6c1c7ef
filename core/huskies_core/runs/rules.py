"""The rules that can keep a story from moving on, and the limits on the number of live runs."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Self

from huskies_core.config.records import ProjectConfig
from huskies_core.store.runs import Run, RunClaim, RunKind

UNATTENDED = (RunKind.GATES, RunKind.MERGE)
"""The kinds of runs without an agent."""


_NO_PERSON = "no person needs to act"
_NO_DELAY = "no crash, rate limit or failed merge delays it"


class Rule(StrEnum):
    """The rules that can block a story, in the order in which `explain` lists them.

    `passed` is the fact about a story that the rule does not block. `ended_by` describes the end of the block; if it is
    empty, the blocker's command or detail describes it. `explain` lists PERSON and WAIT instead of the rules in their
    groups.
    """

    FINISHED = "finished", "the story is open", ""
    PERSON = "person", _NO_PERSON, ""
    REVIEW_HOLD = "review_hold", _NO_PERSON, ""
    FROZEN = "frozen", _NO_PERSON, ""
    BLOCKED = "blocked", _NO_PERSON, ""
    MERGE_FAILURE_FINAL = "merge_failure_final", _NO_PERSON, ""
    EPIC = "epic", "the story is not an epic", ""
    UNMET_DEPENDENCY = "unmet_dependency", "all its dependencies are done", ""
    NOT_STARTED = "not_started", "it does not wait for 'huskies start'", ""
    LIVE_RUN = "live_run", "no run of it is live", ""
    WAIT = "wait", _NO_DELAY, ""
    CRASH_WAIT = "crash_wait", _NO_DELAY, ""
    RATE_LIMITED = "rate_limited", _NO_DELAY, ""
    MERGE_RETRY = "merge_retry", _NO_DELAY, ""
    BUDGET_EXHAUSTED = "budget_exhausted", "the budgets of the story and of the day are not exhausted", ""
    PAUSED = "paused", "the start of agents is not paused", "you: huskies resume"
    NO_AGENT = (
        "no_agent",
        "agents.toml has an agent for this work",
        "you: add an agent for this work to agents.toml",
    )
    MAX_CODERS = "max_coders", "fewer than max_coders coders are live", "the end of a coder run"
    AGENTS_BUSY = "agents_busy", "an agent is free", "an agent that becomes free"
    BASE_BROKEN = (
        "base_broken",
        "the gates pass on the base branch",
        "you: a commit that fixes the base branch",
    )
    BASE_DIRTY = "base_dirty", "no checkout of the base branch blocks the merge", ""
    MERGE_QUEUE = "merge_queue", "no other merge comes first", "the end of the merge before it"
    MAX_GATES = (
        "max_gates",
        "fewer than max_gates gate and merge runs are live",
        "the end of a gate or merge run",
    )

    passed: str
    ended_by: str

    def __new__(cls, word: str, passed: str, ended_by: str) -> Self:
        rule = str.__new__(cls, word)
        rule._value_ = word
        rule.passed, rule.ended_by = passed, ended_by
        return rule

    @property
    def group(self) -> "Rule":
        """Return the rule under which `explain` lists this one."""
        if self in (Rule.REVIEW_HOLD, Rule.FROZEN, Rule.BLOCKED, Rule.MERGE_FAILURE_FINAL):
            return Rule.PERSON
        return Rule.WAIT if self in (Rule.CRASH_WAIT, Rule.RATE_LIMITED, Rule.MERGE_RETRY) else self


def reached_limit(
    settings: ProjectConfig, kind: RunKind, live: Sequence[Run | RunClaim]
) -> tuple[Rule, str] | None:
    """Return the limit that prevents another live run of the kind, with the number of live runs in words."""
    if kind is RunKind.CODER and count_live(live, kind) >= settings.max_coders:
        return Rule.MAX_CODERS, f"{settings.max_coders} coders are live"
    if kind in UNATTENDED and count_live(live, *UNATTENDED) >= settings.max_gates:
        return Rule.MAX_GATES, f"{settings.max_gates} gate and merge runs are live"
    return None


def count_live(live: Sequence[Run | RunClaim], *kinds: RunKind) -> int:
    return sum(run.kind in kinds for run in live)
