"""The state machine of a story: one table of its transitions, and the functions that read the table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from huskies_core.pipeline import events, stages
from huskies_core.pipeline.events import Event
from huskies_core.pipeline.stages import ACTIVE, TERMINAL, ArchiveReason, Stage, StageName

_E = TypeVar("_E", bound=Event)

_BACKLOG, _CODING, _QA, _MERGE = StageName.BACKLOG, StageName.CODING, StageName.QA, StageName.MERGE
_REVIEW, _BLOCKED, _FROZEN = StageName.REVIEW_HOLD, StageName.BLOCKED, StageName.FROZEN
_FAILED = frozenset({StageName.MERGE_FAILURE, StageName.MERGE_FAILURE_FINAL})
_MERGING = frozenset({_MERGE, StageName.MERGE_FAILURE})
_OPEN = frozenset(StageName) - TERMINAL


@dataclass(frozen=True)
class Row(Generic[_E]):
    """An event of the table: the stages that allow it, and the stage that it leads to.

    `command` is the command that applies the event, if a person can apply it.
    `failure` returns the reason of an event that uses one of the story's retries.
    `resets` sets the counts of retries, commit recoveries and crashes to 0; `restarts` that of failed merges.
    `returns` is set if the story then waits in backlog until a person starts it.
    `topic` is the notification topic of the event, as the configuration names it.
    """

    event: type[_E]
    sources: frozenset[StageName]
    target: Callable[[Stage, _E], Stage]
    command: str = ""
    failure: Callable[[_E], str] | None = None
    resets: bool = False
    restarts: bool = False
    returns: bool = False
    topic: str = ""


def _on(*names: StageName) -> frozenset[StageName]:
    return frozenset(names)


def _backlog(_: Stage, __: Event) -> Stage:
    return stages.Backlog()


def _coding(_: Stage, __: Event) -> Stage:
    return stages.Coding()


def _qa(_: Stage, __: Event) -> Stage:
    return stages.Qa()


def _merge(_: Stage, event: events.Mergeable) -> Stage:
    return stages.Merge(event.feature_branch, event.commits_ahead)


def _resumed(stage: Stage, _: Event) -> Stage:
    if isinstance(stage, stages.Blocked | stages.Frozen):
        return stage.resume_to
    raise AssertionError(f"no event resumes a story in {stage.name.value}")


TABLE = (
    Row(events.Start, _on(_BACKLOG), _coding, "start", resets=True, restarts=True),
    Row(events.DepsMet, _on(_BACKLOG), _coding, resets=True, restarts=True),
    Row(events.GatesFailed, _on(_CODING, _QA), _coding, failure=lambda event: event.reason),
    Row(events.QaRequested, _on(_CODING), _qa),
    Row(events.QaSkipped, _on(_CODING), _merge),
    Row(events.ReviewHeld, _on(_CODING, _QA), lambda _, event: stages.ReviewHold(event.reason), topic="held"),
    Row(events.QaPassed, _on(_QA, _REVIEW), _merge, "approve"),
    Row(events.QaRejected, _on(_QA, _REVIEW), _coding, "reject", failure=lambda event: event.notes),
    Row(
        events.MergeSucceeded,
        _MERGING | _FAILED,
        lambda _, event: stages.Done(event.merged_at, event.merge_commit),
        "merged",
        topic="done",
    ),
    Row(
        events.MergeFailed,
        _MERGING,
        lambda _, event: stages.MergeFailure(event.kind, event.detail),
        topic="merge_failed",
    ),
    Row(
        events.MergeFailedFinal,
        _MERGING,
        lambda _, event: stages.MergeFailureFinal(event.reason),
        topic="merge_failed",
    ),
    Row(events.ConflictResolved, _FAILED, _merge, "resolve"),
    Row(events.MergeRetried, _FAILED, _merge, "retry"),
    Row(
        events.FixupRequested,
        _MERGING | _FAILED,
        _coding,
        "retry --to coding",
        failure=lambda event: event.reason,
    ),
    Row(events.RequeuedForQa, _FAILED, _qa, "retry --to qa"),
    Row(
        events.Block,
        _OPEN - _on(_BLOCKED, _FROZEN),
        lambda stage, event: stages.Blocked(event.reason, stage),
        "block",
        topic="blocked",
    ),
    Row(events.Unblock, _on(_BLOCKED), _resumed, "unblock", resets=True, restarts=True),
    Row(events.Freeze, _OPEN - _on(_FROZEN), lambda stage, _: stages.Frozen(stage), "freeze"),
    Row(events.Unfreeze, _on(_FROZEN), _resumed, "unfreeze", resets=True),
    Row(events.Demote, ACTIVE | _FAILED | _on(_BLOCKED, _REVIEW), _backlog, "demote", returns=True),
    Row(
        events.Accept,
        _on(StageName.DONE),
        lambda _, event: stages.Archived(event.archived_at, ArchiveReason.COMPLETED),
    ),
    Row(
        events.Close,
        _OPEN,
        lambda _, event: stages.Archived(event.archived_at, ArchiveReason.CLOSED),
        "close",
    ),
    Row(events.Abandon, _OPEN, lambda _, event: stages.Abandoned(event.reason), "abandon"),
    Row(events.Supersede, _OPEN, lambda _, event: stages.Superseded(event.by), "supersede"),
    Row(events.Reopen, TERMINAL, _backlog, "reopen", restarts=True, returns=True),
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


def event_names(rows: Iterable[Row[Any]] = TABLE) -> tuple[str, ...]:
    return tuple(row.event.name for row in rows)


def commands_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the commands that apply the named events, in the table's order. Some events have no command."""
    chosen = frozenset(names)
    return tuple(row.command for row in TABLE if row.command and row.event.name in chosen)


def bounded(event: Event, *, retries: int, max_retries: int) -> Event:
    """Return `event`, or a block instead of it if it would exceed `max_retries` (0 means no limit)."""
    failure = row_of(event).failure
    if failure is None or not max_retries or retries < max_retries:
        return event
    return events.Block(f"{event.name} after {retries} of {max_retries} retries: {failure(event)}")
