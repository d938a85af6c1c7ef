"""The events: each knows where it may be fired and where it leads, and carries what is needed there."""

from dataclasses import dataclass
from typing import ClassVar

from huskies_core.pipeline import stages
from huskies_core.pipeline.stages import ArchiveReason, FailureKind, Stage, StageName

_ANY = frozenset(StageName)
_OPEN = _ANY - stages.TERMINAL
_FAILED = frozenset({StageName.MERGE_FAILURE, StageName.MERGE_FAILURE_FINAL})
_MERGING = frozenset({StageName.MERGE}) | _FAILED


@dataclass(frozen=True)
class Start:
    name: ClassVar[str] = "start"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.BACKLOG})

    def target(self, _: Stage) -> Stage:
        return stages.Coding()


@dataclass(frozen=True)
class DepsMet:
    name: ClassVar[str] = "deps_met"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.BACKLOG})

    def target(self, _: Stage) -> Stage:
        return stages.Coding()


@dataclass(frozen=True)
class GatesFailed:
    name: ClassVar[str] = "gates_failed"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.CODING, StageName.QA})
    reason: str

    def target(self, _: Stage) -> Stage:
        return stages.Coding()


@dataclass(frozen=True)
class QaRequested:
    name: ClassVar[str] = "qa_requested"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.CODING})

    def target(self, _: Stage) -> Stage:
        return stages.Qa()


@dataclass(frozen=True)
class QaSkipped:
    name: ClassVar[str] = "qa_skipped"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.CODING})
    feature_branch: str
    commits_ahead: int

    def target(self, _: Stage) -> Stage:
        return stages.Merge(self.feature_branch, self.commits_ahead)


@dataclass(frozen=True)
class ReviewHeld:
    name: ClassVar[str] = "review_held"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.CODING, StageName.QA})
    reason: str

    def target(self, _: Stage) -> Stage:
        return stages.ReviewHold(self.reason)


@dataclass(frozen=True)
class QaPassed:
    name: ClassVar[str] = "qa_passed"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.QA, StageName.REVIEW_HOLD})
    feature_branch: str
    commits_ahead: int

    def target(self, _: Stage) -> Stage:
        return stages.Merge(self.feature_branch, self.commits_ahead)


@dataclass(frozen=True)
class QaRejected:
    name: ClassVar[str] = "qa_rejected"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.QA, StageName.REVIEW_HOLD})
    notes: str

    def target(self, _: Stage) -> Stage:
        return stages.Coding()


@dataclass(frozen=True)
class MergeSucceeded:
    """`merged_at` (ISO 8601, UTC) is when the commit was seen on the base."""

    name: ClassVar[str] = "merge_succeeded"
    sources: ClassVar[frozenset[StageName]] = _MERGING
    merge_commit: str
    merged_at: str

    def target(self, _: Stage) -> Stage:
        return stages.Done(self.merged_at, self.merge_commit)


@dataclass(frozen=True)
class MergeFailed:
    name: ClassVar[str] = "merge_failed"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.MERGE, StageName.MERGE_FAILURE})
    kind: FailureKind
    detail: str

    def target(self, _: Stage) -> Stage:
        return stages.MergeFailure(self.kind, self.detail)


@dataclass(frozen=True)
class MergeFailedFinal:
    name: ClassVar[str] = "merge_failed_final"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.MERGE, StageName.MERGE_FAILURE})
    reason: str

    def target(self, _: Stage) -> Stage:
        return stages.MergeFailureFinal(self.reason)


@dataclass(frozen=True)
class ConflictResolved:
    name: ClassVar[str] = "conflict_resolved"
    sources: ClassVar[frozenset[StageName]] = _FAILED
    feature_branch: str
    commits_ahead: int

    def target(self, _: Stage) -> Stage:
        return stages.Merge(self.feature_branch, self.commits_ahead)


@dataclass(frozen=True)
class MergeRetried:
    name: ClassVar[str] = "merge_retried"
    sources: ClassVar[frozenset[StageName]] = _FAILED
    feature_branch: str
    commits_ahead: int

    def target(self, _: Stage) -> Stage:
        return stages.Merge(self.feature_branch, self.commits_ahead)


@dataclass(frozen=True)
class FixupRequested:
    name: ClassVar[str] = "fixup_requested"
    sources: ClassVar[frozenset[StageName]] = _MERGING
    reason: str

    def target(self, _: Stage) -> Stage:
        return stages.Coding()


@dataclass(frozen=True)
class RequeuedForQa:
    name: ClassVar[str] = "requeued_for_qa"
    sources: ClassVar[frozenset[StageName]] = _FAILED

    def target(self, _: Stage) -> Stage:
        return stages.Qa()


@dataclass(frozen=True)
class Block:
    name: ClassVar[str] = "block"
    sources: ClassVar[frozenset[StageName]] = _OPEN - {StageName.BLOCKED, StageName.FROZEN}
    reason: str

    def target(self, stage: Stage) -> Stage:
        return stages.Blocked(self.reason, stage)


@dataclass(frozen=True)
class Unblock:
    name: ClassVar[str] = "unblock"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.BLOCKED})

    def target(self, stage: Stage) -> Stage:
        return _resumed(stage)


@dataclass(frozen=True)
class Freeze:
    name: ClassVar[str] = "freeze"
    sources: ClassVar[frozenset[StageName]] = _OPEN - {StageName.FROZEN}

    def target(self, stage: Stage) -> Stage:
        return stages.Frozen(stage)


@dataclass(frozen=True)
class Unfreeze:
    name: ClassVar[str] = "unfreeze"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.FROZEN})

    def target(self, stage: Stage) -> Stage:
        return _resumed(stage)


@dataclass(frozen=True)
class Demote:
    name: ClassVar[str] = "demote"
    sources: ClassVar[frozenset[StageName]] = (
        stages.ACTIVE | _FAILED | {StageName.BLOCKED, StageName.REVIEW_HOLD}
    )

    def target(self, _: Stage) -> Stage:
        return stages.Backlog()


@dataclass(frozen=True)
class Accept:
    name: ClassVar[str] = "accept"
    sources: ClassVar[frozenset[StageName]] = frozenset({StageName.DONE})
    archived_at: str

    def target(self, _: Stage) -> Stage:
        return stages.Archived(self.archived_at, ArchiveReason.COMPLETED)


@dataclass(frozen=True)
class Close:
    """`reason` is kept in the journal; the stage says only that the story was closed."""

    name: ClassVar[str] = "close"
    sources: ClassVar[frozenset[StageName]] = _OPEN
    reason: str
    archived_at: str

    def target(self, _: Stage) -> Stage:
        return stages.Archived(self.archived_at, ArchiveReason.CLOSED)


@dataclass(frozen=True)
class Abandon:
    name: ClassVar[str] = "abandon"
    sources: ClassVar[frozenset[StageName]] = _OPEN
    reason: str

    def target(self, _: Stage) -> Stage:
        return stages.Abandoned(self.reason)


@dataclass(frozen=True)
class Supersede:
    name: ClassVar[str] = "supersede"
    sources: ClassVar[frozenset[StageName]] = _OPEN
    by: int

    def target(self, _: Stage) -> Stage:
        return stages.Superseded(self.by)


@dataclass(frozen=True)
class Reopen:
    name: ClassVar[str] = "reopen"
    sources: ClassVar[frozenset[StageName]] = stages.TERMINAL

    def target(self, _: Stage) -> Stage:
        return stages.Backlog()


Event = (
    Start
    | DepsMet
    | GatesFailed
    | QaRequested
    | QaSkipped
    | ReviewHeld
    | QaPassed
    | QaRejected
    | MergeSucceeded
    | MergeFailed
    | MergeFailedFinal
    | ConflictResolved
    | MergeRetried
    | FixupRequested
    | RequeuedForQa
    | Block
    | Unblock
    | Freeze
    | Unfreeze
    | Demote
    | Accept
    | Close
    | Abandon
    | Supersede
    | Reopen
)

EVENTS: tuple[type[Event], ...] = (
    *(Start, DepsMet, GatesFailed, QaRequested, QaSkipped, ReviewHeld, QaPassed, QaRejected),
    *(MergeSucceeded, MergeFailed, MergeFailedFinal, ConflictResolved, MergeRetried, FixupRequested),
    *(RequeuedForQa, Block, Unblock, Freeze, Unfreeze, Demote, Accept, Close, Abandon, Supersede, Reopen),
)


def _resumed(stage: Stage) -> Stage:
    if isinstance(stage, stages.Blocked | stages.Frozen):
        return stage.resume_to
    raise AssertionError(f"{stage.name.value} is not among the sources of this event")
