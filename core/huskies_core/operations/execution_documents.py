"""Timers and triggers as the JSON that scripts rely on."""

from typing import Any

from huskies_core.clock import to_iso
from huskies_core.operations.timers import next_times
from huskies_core.schedules import encode
from huskies_core.store import actions
from huskies_core.store.timers import Timer
from huskies_core.store.triggers import Trigger


def timer_document(timer: Timer) -> dict[str, Any]:
    draft = timer.draft
    return {
        "id": timer.id,
        "label": draft.label or None,
        "kind": timer.kind.value,
        "story": timer.story,
        "fire_at": to_iso(timer.fire_at),
        "next": [to_iso(moment) for moment in next_times(timer)],
        "action": actions.document(draft.deed),
        "catch_up": draft.catch_up.value,
        "state": timer.state.value,
        "trouble": timer.trouble or None,
        **encode(draft.schedule),
    }


def trigger_document(trigger: Trigger) -> dict[str, Any]:
    draft = trigger.draft
    return {
        "id": trigger.id,
        "predicate": draft.predicate.as_document(),
        "mode": draft.mode.value,
        "action": actions.document(draft.deed),
        "fired": trigger.fired,
        "state": trigger.state.value,
        "trouble": trigger.trouble or None,
    }
