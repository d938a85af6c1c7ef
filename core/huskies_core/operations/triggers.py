"""Triggers: set for what is to happen from now on, listed, cancelled by number or by the label they look for."""

from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.operations.actions import check_name, number_of
from huskies_core.pipeline.stages import StageName
from huskies_core.pipeline.state_machine import event_names
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.store import triggers
from huskies_core.store.actions import Action
from huskies_core.store.stories import StoryType
from huskies_core.store.triggers import Draft, Predicate, Trigger, TriggerMode, TriggerState
from huskies_core.suggest import nearest

_WILD = frozenset("*?[")


def create(
    context: Context, predicate: Predicate, deed: Action, *, mode: TriggerMode = TriggerMode.ONCE
) -> Trigger:
    """Sets a trigger. Raises UsageError for a pattern that nothing will ever meet."""
    refuse_inside_run(context)
    _check(predicate)
    with context.store.exclusive() as db:
        return triggers.add(db, Draft(predicate, deed, mode), actor=context.actor, now=context.now())


def list_triggers(context: Context, *, everything: bool = False) -> tuple[Trigger, ...]:
    """Those that are armed, suspended or interrupted, or all there ever were."""
    with context.store.reading() as db:
        found = triggers.everything(db)
    shown = (TriggerState.ARMED, TriggerState.SUSPENDED, TriggerState.INTERRUPTED)
    return tuple(trigger for trigger in found if everything or trigger.state in shown)


def cancel(context: Context, name: str) -> tuple[Trigger, ...]:
    """Cancels the trigger of that number, or all that look for that label; what is gone stays gone. The ones that were
    cancelled now."""
    refuse_inside_run(context)
    with context.store.exclusive() as db:
        found = triggers.find(db, number_of(name)) if number_of(name) else None
        named = triggers.labelled(db, name) if found is None else (found,)
        left = [trigger for trigger in named if _is_there(trigger)]
        for trigger in left:
            triggers.cancel(db, trigger, actor=context.actor, now=context.now())
        return tuple(triggers.load(db, trigger.id) for trigger in left)


def _is_there(trigger: Trigger) -> bool:
    """Whether there is anything to cancel: something to wait for, or a trouble that is listed."""
    if trigger.state is TriggerState.FIRED:
        return bool(trigger.trouble)
    return trigger.state is not TriggerState.CANCELLED


def _check(predicate: Predicate) -> None:
    stages = tuple(name.value for name in StageName)
    known = {
        "type": tuple(kind.value for kind in StoryType),
        "event": (*event_names(), "imported"),
        "from": stages,
        "to": stages,
    }
    for field, pattern in predicate.as_document().items():
        check_name(field, pattern)
        if field in known and not _WILD.intersection(pattern) and pattern not in known[field]:
            meant = nearest(pattern, known[field])
            hint = f"Did you mean {meant}?" if meant else f"There are: {', '.join(known[field])}."
            raise UsageError(f"{field} {pattern} is never met", hint=hint, subject=field)
