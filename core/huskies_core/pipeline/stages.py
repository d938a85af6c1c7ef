"""The stages of a story, each with its payload, and their JSON form."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, get_args

from msgspec import Struct
from msgspec.structs import asdict

from huskies_core.ids import StoryId


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


class MergeFailureKind(StrEnum):
    """The kind of a merge failure. It determines the next step."""

    NO_COMMITS = "no_commits"
    CONFLICT_DETECTED = "conflict_detected"
    GATES_FAILED = "gates_failed"
    OTHER = "other"


class ArchiveReason(StrEnum):
    COMPLETED = "completed"
    CLOSED = "closed"


class _PlainStage(Struct, frozen=True):
    name: ClassVar[StageName]


class _ReasonedStage(_PlainStage, frozen=True):
    reason: str


class Backlog(_PlainStage, frozen=True):
    name = StageName.BACKLOG


class Coding(_PlainStage, frozen=True):
    name = StageName.CODING


class Qa(_PlainStage, frozen=True):
    name = StageName.QA


class Merge(_PlainStage, frozen=True):
    """A place in the merge queue. Raise ValueError for a branch without commits."""

    name = StageName.MERGE
    feature_branch: str
    commits_ahead: int

    def __post_init__(self) -> None:
        if self.commits_ahead < 1:
            raise ValueError("a merge needs at least one commit")


class MergeFailure(_PlainStage, frozen=True):
    """`detail` is the end of the gates' output, the conflicting files one per line, or an error message."""

    name = StageName.MERGE_FAILURE
    kind: MergeFailureKind
    detail: str


class MergeFailureFinal(_ReasonedStage, frozen=True):
    name = StageName.MERGE_FAILURE_FINAL


class Blocked(_PlainStage, frozen=True):
    name = StageName.BLOCKED
    reason: str
    resume_to: "Stage"


class ReviewHold(_ReasonedStage, frozen=True):
    name = StageName.REVIEW_HOLD


class Frozen(_PlainStage, frozen=True):
    name = StageName.FROZEN
    resume_to: "Stage"


class Done(_PlainStage, frozen=True):
    """`merged_at` is ISO 8601 in UTC; `merge_commit` is on the base branch."""

    name = StageName.DONE
    merged_at: str
    merge_commit: str


class Archived(_PlainStage, frozen=True):
    name = StageName.ARCHIVED
    archived_at: str
    reason: ArchiveReason


class Abandoned(_ReasonedStage, frozen=True):
    name = StageName.ABANDONED


class Superseded(_PlainStage, frozen=True):
    name = StageName.SUPERSEDED
    by: StoryId


_Open = Backlog | Coding | Qa | Merge | MergeFailure | MergeFailureFinal | Blocked | ReviewHold | Frozen
Stage = _Open | Done | Archived | Abandoned | Superseded

TERMINAL = frozenset({StageName.DONE, StageName.ARCHIVED, StageName.ABANDONED, StageName.SUPERSEDED})
ACTIVE = frozenset({StageName.CODING, StageName.QA, StageName.MERGE})
NEEDS_PERSON = frozenset({StageName.BLOCKED, StageName.REVIEW_HOLD, StageName.MERGE_FAILURE_FINAL})

_CLASSES: Mapping[StageName, type[Stage]] = {stage.name: stage for stage in get_args(Stage)}


def to_json(stage: Stage) -> dict[str, Any]:
    """Return `{"stage": name, …payload}`; a `resume_to` inside it has the same form."""
    return {"stage": stage.name.value, **payload_to_json(stage)}


def payload_to_json(stage: Stage) -> dict[str, Any]:
    payload = asdict(stage)
    if isinstance(stage, Blocked | Frozen):
        payload["resume_to"] = to_json(stage.resume_to)
    return payload


def from_json(document: Mapping[str, Any]) -> Stage:
    """Return the stage that `to_json` wrote. Raise ValueError, KeyError or TypeError for any other document."""
    payload = {key: value for key, value in document.items() if key != "stage"}
    name = StageName(document["stage"])
    if "resume_to" in payload:
        payload["resume_to"] = from_json(payload["resume_to"])
    if name is StageName.MERGE_FAILURE:
        payload["kind"] = MergeFailureKind(payload["kind"])
    if name is StageName.ARCHIVED:
        payload["reason"] = ArchiveReason(payload["reason"])
    return _CLASSES[name](**payload)


def reason_of(stage: Stage) -> str:
    """Return the reason in the payload of `stage` as text; empty if the payload has none."""
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
