"""The stages a story can be in, each with the payload it cannot be without, and their form as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar


class StageName(StrEnum):
    BACKLOG = "backlog"
    CODING = "coding"
    QA = "qa"
    MERGE = "merge"
    MERGE_FAILURE = "merge_failure"
    MERGE_FAILURE_FINAL = "merge_failure_final"
    BLOCKED = "blocked"
    REVIEW_HOLD = "review_hold"
    FROZEN = "frozen"
    DONE = "done"
    ARCHIVED = "archived"
    ABANDONED = "abandoned"
    SUPERSEDED = "superseded"


class FailureKind(StrEnum):
    """Why a merge failed; each kind is followed by something else."""

    NO_COMMITS = "no_commits"
    CONFLICT_DETECTED = "conflict_detected"
    GATES_FAILED = "gates_failed"
    OTHER = "other"


class ArchiveReason(StrEnum):
    COMPLETED = "completed"
    CLOSED = "closed"


@dataclass(frozen=True)
class Backlog:
    name: ClassVar[StageName] = StageName.BACKLOG


@dataclass(frozen=True)
class Coding:
    name: ClassVar[StageName] = StageName.CODING


@dataclass(frozen=True)
class Qa:
    name: ClassVar[StageName] = StageName.QA


@dataclass(frozen=True)
class Merge:
    """A place in the merge queue. None can be built for a branch without commits: ValueError."""

    name: ClassVar[StageName] = StageName.MERGE
    feature_branch: str
    commits_ahead: int

    def __post_init__(self) -> None:
        if self.commits_ahead < 1:
            raise ValueError("a merge needs at least one commit")


@dataclass(frozen=True)
class MergeFailure:
    """`detail` is the gates' output tail, the conflicting files one a line, or what went wrong in words."""

    name: ClassVar[StageName] = StageName.MERGE_FAILURE
    kind: FailureKind
    detail: str


@dataclass(frozen=True)
class MergeFailureFinal:
    name: ClassVar[StageName] = StageName.MERGE_FAILURE_FINAL
    reason: str


@dataclass(frozen=True)
class Blocked:
    name: ClassVar[StageName] = StageName.BLOCKED
    reason: str
    resume_to: "Stage"


@dataclass(frozen=True)
class ReviewHold:
    name: ClassVar[StageName] = StageName.REVIEW_HOLD
    reason: str


@dataclass(frozen=True)
class Frozen:
    name: ClassVar[StageName] = StageName.FROZEN
    resume_to: "Stage"


@dataclass(frozen=True)
class Done:
    """`merged_at` is ISO 8601 in UTC; `merge_commit` is on the base branch."""

    name: ClassVar[StageName] = StageName.DONE
    merged_at: str
    merge_commit: str


@dataclass(frozen=True)
class Archived:
    name: ClassVar[StageName] = StageName.ARCHIVED
    archived_at: str
    reason: ArchiveReason


@dataclass(frozen=True)
class Abandoned:
    name: ClassVar[StageName] = StageName.ABANDONED
    reason: str


@dataclass(frozen=True)
class Superseded:
    name: ClassVar[StageName] = StageName.SUPERSEDED
    by: int


Stage = (
    Backlog
    | Coding
    | Qa
    | Merge
    | MergeFailure
    | MergeFailureFinal
    | Blocked
    | ReviewHold
    | Frozen
    | Done
    | Archived
    | Abandoned
    | Superseded
)

TERMINAL = frozenset({StageName.DONE, StageName.ARCHIVED, StageName.ABANDONED, StageName.SUPERSEDED})
ACTIVE = frozenset({StageName.CODING, StageName.QA, StageName.MERGE})
NEEDS_PERSON = frozenset({StageName.BLOCKED, StageName.REVIEW_HOLD, StageName.MERGE_FAILURE_FINAL})

_CLASSES: Mapping[StageName, type[Stage]] = {
    kind.name: kind
    for kind in (
        *(Backlog, Coding, Qa, Merge, MergeFailure, MergeFailureFinal, Blocked),
        *(ReviewHold, Frozen, Done, Archived, Abandoned, Superseded),
    )
}


def to_json(stage: Stage) -> dict[str, Any]:
    """`{"stage": name, …payload}`; a `resume_to` is written the same way inside it."""
    return {"stage": stage.name.value, **payload_to_json(stage)}


def payload_to_json(stage: Stage) -> dict[str, Any]:
    if isinstance(stage, Frozen):
        return {"resume_to": to_json(stage.resume_to)}
    if isinstance(stage, Blocked):
        return {"reason": stage.reason, "resume_to": to_json(stage.resume_to)}
    return asdict(stage)


def from_json(written: Mapping[str, Any]) -> Stage:
    """The inverse of `encode`. Raises ValueError, KeyError or TypeError on what `encode` never wrote."""
    payload = {key: value for key, value in written.items() if key != "stage"}
    name = StageName(written["stage"])
    if "resume_to" in payload:
        payload["resume_to"] = from_json(payload["resume_to"])
    if name is StageName.MERGE_FAILURE:
        payload["kind"] = FailureKind(payload["kind"])
    if name is StageName.ARCHIVED:
        payload["reason"] = ArchiveReason(payload["reason"])
    return _CLASSES[name](**payload)


def reason_of(stage: Stage) -> str:
    """Why a story stands in `stage`, in words, or nothing where the stage says it all."""
    match stage:
        case MergeFailure(kind=kind, detail=detail):
            return f"{kind.value}: {detail}" if detail else kind.value
        case MergeFailureFinal(reason=reason) | Blocked(reason=reason) | ReviewHold(reason=reason):
            return reason
        case Archived(reason=reason) | Abandoned(reason=reason):
            return str(reason)
        case Superseded(by=by):
            return f"by {by}"
        case Frozen(resume_to=resume_to):
            return f"was in {resume_to.name.value}"
        case _:
            return ""
