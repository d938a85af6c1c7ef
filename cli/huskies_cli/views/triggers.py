"""Triggers as text."""

from collections.abc import Sequence

from huskies_cli import render
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_cli.views.actions import MOST, action_text, cancelled, omitted, state_text
from huskies_core.store.triggers import Trigger

COLUMNS = ("id", "when", "mode", "action", "fired", "state")


def create_trigger(trigger: Trigger, _: Call) -> Result:
    return Result(text=f"trigger {trigger.id}: {_when(trigger)}")


def list_triggers(triggers: Sequence[Trigger], call: Call) -> Result:
    return Result(text=lambda: _table(triggers, finished=call.values["finished"]))


def cancel_trigger(triggers: Sequence[Trigger], call: Call) -> Result:
    return cancelled("trigger", triggers, call)


def _when(trigger: Trigger) -> str:
    patterns = trigger.draft.predicate.as_document()
    return " ".join(f"{name} {pattern}" for name, pattern in patterns.items()) or "any transition"


def _table(triggers: Sequence[Trigger], *, finished: bool) -> str:
    table = render.table(COLUMNS, map(_row, triggers[:MOST]))
    return render.paragraphs(table, omitted(len(triggers), "trigger list", finished=finished))


def _row(trigger: Trigger) -> tuple[render.Cell, ...]:
    draft = trigger.draft
    return (
        trigger.id, _when(trigger), draft.mode.value, action_text(draft.action), trigger.fired, state_text(trigger)
    )  # fmt: skip
