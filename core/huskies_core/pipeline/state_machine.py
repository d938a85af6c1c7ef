"""The state machine of a story: one table of its transitions, and the functions that read the table."""

from collections.abc import Callable, Collection, Set
from typing import Any, Generic, TypeVar

from msgspec import Struct

from huskies_core.pipeline import events, stages
from huskies_core.pipeline.events import Event
from huskies_core.pipeline.stages import ACTIVE, TERMINAL, ArchiveReason, Stage, StageName

_E = TypeVar("_E", bound=Event)

_BACKLOG, _CODING, _QA, _MERGE = StageName.BACKLOG, StageName.CODING, StageName.QA, StageName.MERGE
_REVIEW, _BLOCKED, _FROZEN = StageName.REVIEW_HOLD, StageName.BLOCKED, StageName.FROZEN
_FAILED = frozenset({StageName.MERGE_FAILURE, StageName.MERGE_FAILURE_FINAL})
_MERGING = frozenset({_MERGE, StageName.MERGE_FAILURE})
_OPEN = frozenset(StageName) - TERMINAL


class Row(Struct, Generic[_E], frozen=True):
    """An event of the table: the stages that allow it, and the stage that it leads to.

    `command` is the command that applies the event, if a person can apply it.
    `failure` returns the reason of an event that uses one of the story's retries.
    `resets` sets the counts of retries, commit recoveries and crashes to 0; `restarts` that of failed merges.
    `returns` is set if the story then waits in backlog until a person starts it.
    `topic` is the notification topic of the event, as the configuration names it.
    """

    event: type[_E]
    sources: Set[StageName]
    target: Callable[[Stage, _E], Stage]
    command: str = ""
    failure: Callable[[_E], str] | None = None
    resets: bool = False
    restarts: bool = False
    returns: bool = False
    topic: str = ""


def _to(stage: Stage) -> Callable[[Stage, Event], Stage]:
    return lambda _, __: stage


def _to_merge(_: Stage, event: events.Mergeable) -> Stage:
    return stages.Merge(event.feature_branch, event.commits_ahead)


def _to_done(_: Stage, event: events.MergeSucceeded) -> Stage:
    return stages.Done(event.merged_at, event.merge_commit)


def _to_failure(_: Stage, event: events.MergeFailed) -> Stage:
    return stages.MergeFailure(event.kind, event.detail)


def _to_final_failure(_: Stage, event: events.MergeFailedFinal) -> Stage:
    return stages.MergeFailureFinal(event.reason)


def _to_blocked(stage: Stage, event: events.Block) -> Stage:
    return stages.Blocked(event.reason, stage)


def _to_archive(_: Stage, event: events.Accept | events.Close) -> Stage:
    reason = ArchiveReason.CLOSED if isinstance(event, events.Close) else ArchiveReason.COMPLETED
    return stages.Archived(event.archived_at, reason)


def _to_resumed(stage: Stage, _: Event) -> Stage:
    if isinstance(stage, stages.Blocked | stages.Frozen):
        return stage.resume_to
    raise AssertionError(f"no event resumes a story in {stage.name.value}")


def _reason(event: events.GatesFailed | events.FixupRequested) -> str:
    return event.reason


TABLE = (
    Row(events.Start, {_BACKLOG}, _to(stages.Coding()), "start", resets=True, restarts=True),
    Row(events.DepsMet, {_BACKLOG}, _to(stages.Coding()), resets=True, restarts=True),
    Row(events.GatesFailed, {_CODING, _QA}, _to(stages.Coding()), failure=_reason),
    Row(events.QaRequested, {_CODING}, _to(stages.Qa())),
    Row(events.QaSkipped, {_CODING}, _to_merge),
    Row(events.ReviewHeld, {_CODING, _QA}, lambda _, event: stages.ReviewHold(event.reason), topic="held"),
    Row(events.QaPassed, {_QA, _REVIEW}, _to_merge, "approve"),
    Row(events.QaRejected, {_QA, _REVIEW}, _to(stages.Coding()), "reject", failure=lambda event: event.notes),
    Row(events.MergeSucceeded, _MERGING | _FAILED, _to_done, "merged", topic="done"),
    Row(events.MergeFailed, _MERGING, _to_failure, topic="merge_failed"),
    Row(events.MergeFailedFinal, _MERGING, _to_final_failure, topic="merge_failed"),
    Row(events.ConflictResolved, _FAILED, _to_merge, "resolve"),
    Row(events.MergeRetried, _FAILED, _to_merge, "retry"),
    Row(
        events.FixupRequested, _MERGING | _FAILED, _to(stages.Coding()), "retry --to coding", failure=_reason
    ),
    Row(events.RequeuedForQa, _FAILED, _to(stages.Qa()), "retry --to qa"),
    Row(events.Block, _OPEN - {_BLOCKED, _FROZEN}, _to_blocked, "block", topic="blocked"),
    Row(events.Unblock, {_BLOCKED}, _to_resumed, "unblock", resets=True, restarts=True),
    Row(events.Freeze, _OPEN - {_FROZEN}, lambda stage, _: stages.Frozen(stage), "freeze"),
    Row(events.Unfreeze, {_FROZEN}, _to_resumed, "unfreeze", resets=True),
    Row(events.Demote, ACTIVE | _FAILED | {_BLOCKED, _REVIEW}, _to(stages.Backlog()), "demote", returns=True),
    Row(events.Accept, {StageName.DONE}, _to_archive),
    Row(events.Close, _OPEN, _to_archive, "close"),
    Row(events.Abandon, _OPEN, lambda _, event: stages.Abandoned(event.reason), "abandon"),
    Row(events.Supersede, _OPEN, lambda _, event: stages.Superseded(event.by), "supersede"),
    Row(events.Reopen, TERMINAL, _to(stages.Backlog()), "reopen", restarts=True, returns=True),
)
"""The transitions, in the order in which messages and manuals list the events."""

_ROWS = {row.event: row for row in TABLE}


class InvalidTransition(ValueError):
    """The event is not allowed in the stage; `allowed` has the names of the events that are."""

    def __init__(self, stage: Stage, event: Event) -> None:
        super().__init__(f"{event.name} is not allowed in {stage.name.value}")
        self.stage = stage
        self.event = event
        self.allowed = allowed_events(stage)


def transition(stage: Stage, event: Event) -> Stage:
    """Return the stage that `event` leads to. Raise InvalidTransition if `stage` does not allow the event."""
    row = row_of(event)
    if stage.name not in row.sources:
        raise InvalidTransition(stage, event)
    return row.target(stage, event)


def row_of(event: Event) -> Row[Any]:
    return _ROWS[type(event)]


def is_allowed(event: type[Event], stage: Stage) -> bool:
    return stage.name in _ROWS[event].sources


def allowed_events(stage: Stage) -> tuple[str, ...]:
    """Return the names of the events that `stage` allows, in the order of the table."""
    return tuple(row.event.name for row in TABLE if stage.name in row.sources)


def event_names() -> tuple[str, ...]:
    return tuple(row.event.name for row in TABLE)


def commands_of(names: Collection[str]) -> tuple[str, ...]:
    """Return the commands that apply the named events, in the table's order. Some events have no command."""
    return tuple(row.command for row in TABLE if row.command and row.event.name in names)


def bounded(event: Event, *, retries: int, max_retries: int) -> Event:
    """Return `event`, or a block instead of it if it would exceed `max_retries` (0 means no limit)."""
    failure = row_of(event).failure
    if failure is None or not max_retries or retries < max_retries:
        return event
    return events.Block(f"{event.name} after {retries} of {max_retries} retries: {failure(event)}")
