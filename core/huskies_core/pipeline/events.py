"""The events of a story and their payloads. The table in `state_machine` defines everything else about an event.

The journal stores an event's payload under the names of its fields.
"""

from dataclasses import dataclass
from typing import ClassVar

from huskies_core.ids import StoryId
from huskies_core.pipeline.stages import MergeFailureKind


@dataclass(frozen=True)
class _Plain:
    name: ClassVar[str]


@dataclass(frozen=True)
class _Reasoned(_Plain):
    reason: str


@dataclass(frozen=True)
class _Mergeable(_Plain):
    feature_branch: str
    commits_ahead: int


class Start(_Plain):
    name = "start"


class DepsMet(_Plain):
    name = "deps_met"


class GatesFailed(_Reasoned):
    name = "gates_failed"


class QaRequested(_Plain):
    name = "qa_requested"


class QaSkipped(_Mergeable):
    name = "qa_skipped"


class ReviewHeld(_Reasoned):
    name = "review_held"


class QaPassed(_Mergeable):
    name = "qa_passed"


@dataclass(frozen=True)
class QaRejected(_Plain):
    name = "qa_rejected"
    notes: str


@dataclass(frozen=True)
class MergeSucceeded(_Plain):
    """`merged_at` (ISO 8601, UTC) is the time at which Huskies found the commit on the base branch."""

    name = "merge_succeeded"
    merge_commit: str
    merged_at: str


@dataclass(frozen=True)
class MergeFailed(_Plain):
    name = "merge_failed"
    kind: MergeFailureKind
    detail: str


class MergeFailedFinal(_Reasoned):
    name = "merge_failed_final"


class ConflictResolved(_Mergeable):
    name = "conflict_resolved"


class MergeRetried(_Mergeable):
    name = "merge_retried"


class FixupRequested(_Reasoned):
    name = "fixup_requested"


class RequeuedForQa(_Plain):
    name = "requeued_for_qa"


class Block(_Reasoned):
    name = "block"


class Unblock(_Plain):
    name = "unblock"


class Freeze(_Plain):
    name = "freeze"


class Unfreeze(_Plain):
    name = "unfreeze"


class Demote(_Plain):
    name = "demote"


@dataclass(frozen=True)
class Accept(_Plain):
    name = "accept"
    archived_at: str


@dataclass(frozen=True)
class Close(_Plain):
    """The journal keeps `reason`; the stage records only that the story was closed."""

    name = "close"
    reason: str
    archived_at: str


class Abandon(_Reasoned):
    name = "abandon"


@dataclass(frozen=True)
class Supersede(_Plain):
    name = "supersede"
    by: StoryId


class Reopen(_Plain):
    name = "reopen"


Mergeable = QaSkipped | QaPassed | ConflictResolved | MergeRetried
_PlainEvent = Start | DepsMet | QaRequested | RequeuedForQa | Unblock | Freeze | Unfreeze | Demote | Reopen
_ReasonedEvent = GatesFailed | ReviewHeld | MergeFailedFinal | FixupRequested | Block | Abandon
_OtherEvent = QaRejected | MergeSucceeded | MergeFailed | Accept | Close | Supersede
Event = _PlainEvent | _ReasonedEvent | Mergeable | _OtherEvent
