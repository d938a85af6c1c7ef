"""The one function that leads from a stage to the next, and the bound on how often a story may fail."""

from collections.abc import Iterable

from huskies_core.pipeline.events import EVENTS, Block, Event, FixupRequested, GatesFailed, QaRejected
from huskies_core.pipeline.stages import Stage

RETRIES = (GatesFailed, QaRejected, FixupRequested)
"""The events that spend one of a story's retries."""

COMMANDS = {
    "start": "start",
    "qa_passed": "approve",
    "qa_rejected": "reject",
    "merge_succeeded": "merged",
    "conflict_resolved": "resolve",
    "merge_retried": "retry",
    "requeued_for_qa": "retry --to qa",
    "fixup_requested": "retry --to coding",
    "block": "block",
    "unblock": "unblock",
    "freeze": "freeze",
    "unfreeze": "unfreeze",
    "demote": "demote",
    "close": "close",
    "abandon": "abandon",
    "supersede": "supersede",
    "reopen": "reopen",
}
"""The command by which a person fires an event; the other events only follow from what runs and passes find."""


class InvalidTransition(ValueError):
    """`event` may not be fired in `stage`; `allowed` names the events that may. Nothing was changed."""

    def __init__(self, stage: Stage, event: Event) -> None:
        super().__init__(f"{event.name} is not allowed in {stage.name.value}")
        self.stage = stage
        self.event = event
        self.allowed = allowed_events(stage)


def transition(stage: Stage, event: Event) -> Stage:
    """The stage that `event` leads to. Raises InvalidTransition when it may not be fired in `stage`."""
    if stage.name not in event.sources:
        raise InvalidTransition(stage, event)
    return event.target(stage)


def allowed_events(stage: Stage) -> tuple[str, ...]:
    """The names of the events that may be fired in `stage`, in the order they are declared."""
    return tuple(event.name for event in EVENTS if stage.name in event.sources)


def commands_of(events: Iterable[str]) -> tuple[str, ...]:
    """What a person types to fire those of `events` that a person fires, in the order of `COMMANDS`."""
    fired = frozenset(events)
    return tuple(command for event, command in COMMANDS.items() if event in fired)


def bounded(event: Event, *, retries: int, max_retries: int) -> Event:
    """`event`, or the block that takes its place when it would exceed `max_retries` (0: no limit)."""
    if not isinstance(event, RETRIES) or not max_retries or retries < max_retries:
        return event
    return Block(f"{event.name} after {retries} of {max_retries} retries: {_told(event)}")


def _told(event: GatesFailed | QaRejected | FixupRequested) -> str:
    return event.notes if isinstance(event, QaRejected) else event.reason
