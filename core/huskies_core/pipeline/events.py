"""The events of a story and their payloads. The table in `state_machine` defines everything else about an event.

The journal stores an event's payload under the names of its fields.
"""

from typing import ClassVar

from msgspec import Struct

from huskies_core.ids import StoryId
from huskies_core.pipeline.stages import MergeFailureKind


class _Plain(Struct, frozen=True):
    name: ClassVar[str]


class _Reasoned(_Plain, frozen=True):
    reason: str


class _Mergeable(_Plain, frozen=True):
    feature_branch: str
    commits_ahead: int


class Start(_Plain, frozen=True):
    name = "start"


class DepsMet(_Plain, frozen=True):
    name = "deps_met"


class GatesFailed(_Reasoned, frozen=True):
    name = "gates_failed"


class QaRequested(_Plain, frozen=True):
    name = "qa_requested"


class QaSkipped(_Mergeable, frozen=True):
    name = "qa_skipped"


class ReviewHeld(_Reasoned, frozen=True):
    name = "review_held"


class QaPassed(_Mergeable, frozen=True):
    name = "qa_passed"


class QaRejected(_Plain, frozen=True):
    name = "qa_rejected"
    notes: str


class MergeSucceeded(_Plain, frozen=True):
    """`merged_at` (ISO 8601, UTC) is the time at which Huskies found the commit on the base branch."""

    name = "merge_succeeded"
    merge_commit: str
    merged_at: str


class MergeFailed(_Plain, frozen=True):
    name = "merge_failed"
    kind: MergeFailureKind
    detail: str


class MergeFailedFinal(_Reasoned, frozen=True):
    name = "merge_failed_final"


class ConflictResolved(_Mergeable, frozen=True):
    name = "conflict_resolved"


class MergeRetried(_Mergeable, frozen=True):
    name = "merge_retried"


class FixupRequested(_Reasoned, frozen=True):
    name = "fixup_requested"


class RequeuedForQa(_Plain, frozen=True):
    name = "requeued_for_qa"


class Block(_Reasoned, frozen=True):
    name = "block"


class Unblock(_Plain, frozen=True):
    name = "unblock"


class Freeze(_Plain, frozen=True):
    name = "freeze"


class Unfreeze(_Plain, frozen=True):
    name = "unfreeze"


class Demote(_Plain, frozen=True):
    name = "demote"


class Accept(_Plain, frozen=True):
    name = "accept"
    archived_at: str


class Close(_Plain, frozen=True):
    """The journal keeps `reason`; the stage records only that the story was closed."""

    name = "close"
    reason: str
    archived_at: str


class Abandon(_Reasoned, frozen=True):
    name = "abandon"


class Supersede(_Plain, frozen=True):
    name = "supersede"
    by: StoryId


class Reopen(_Plain, frozen=True):
    name = "reopen"


Mergeable = QaSkipped | QaPassed | ConflictResolved | MergeRetried
_PlainEvent = Start | DepsMet | QaRequested | RequeuedForQa | Unblock | Freeze | Unfreeze | Demote | Reopen
_ReasonedEvent = GatesFailed | ReviewHeld | MergeFailedFinal | FixupRequested | Block | Abandon
_OtherEvent = QaRejected | MergeSucceeded | MergeFailed | Accept | Close | Supersede
Event = _PlainEvent | _ReasonedEvent | Mergeable | _OtherEvent
