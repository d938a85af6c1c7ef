"""The tools for timers and triggers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huskies_core.context import Context
from huskies_core.operations import timers, triggers
from huskies_core.operations.actions import deed_of
from huskies_core.operations.arguments import argument
from huskies_core.operations.execution_documents import timer_document, trigger_document
from huskies_core.operations.registry import Tool
from huskies_core.operations.timers import When
from huskies_core.store.timers import CatchUp
from huskies_core.store.triggers import Predicate, TriggerMode

_TOOL = "The tool to call when it fires; or give a prompt."
_ARGS = "What to call the tool with, a JSON object."
_PROMPT = "What an agent is to do when it fires: a task is made of it."
_NAMES = "It may name what it follows: {{story_id}}, {{story_title}}, {{event}}, {{from}}, {{to}}."


@dataclass(frozen=True, kw_only=True)
class ScheduleTimer:
    at: str | None = argument("A time: 14:30, 2026-12-01T09:00. One of at, after, every, cron.", default=None)
    after: str | None = argument("A span from now: 90s, 2h, 1d.", default=None)
    every: str | None = argument("An interval: 30m, 6h.", default=None)
    cron: str | None = argument("A cron expression of five fields.", default=None)
    tz: str | None = argument("The time zone of at and cron, such as Europe/London.", default=None)
    label: str = argument("A name to cancel it by.", default="")
    catch_up: CatchUp | None = argument("What was missed fires once, or not (none).", default=None)
    tool: str | None = argument(_TOOL, default=None)
    args: Mapping[str, Any] | None = argument(_ARGS, default=None)
    prompt: str | None = argument(_PROMPT, default=None)


@dataclass(frozen=True, kw_only=True)
class ListThem:
    finished: bool = argument("Those that are over, too.", default=False)


@dataclass(frozen=True, kw_only=True)
class CancelTimer:
    timer: str = argument("The timer's id or label.")


@dataclass(frozen=True, kw_only=True)
class CreateTrigger:
    story: str | None = argument("Only this story; a pattern, as all of these.", default=None)
    label: str | None = argument("Only stories with this label.", default=None)
    type: str | None = argument("Only stories of this type.", default=None)
    event: str | None = argument("Only this event.", default=None)
    from_stage: str | None = argument("Only from this stage.", default=None)
    to_stage: str | None = argument("Only to this stage.", default=None)
    mode: TriggerMode | None = argument("It fires once, or each time (persistent).", default=None)
    tool: str | None = argument(_TOOL, default=None)
    args: Mapping[str, Any] | None = argument(f"{_ARGS} {_NAMES}", default=None)
    prompt: str | None = argument(f"{_PROMPT} {_NAMES}", default=None)


@dataclass(frozen=True, kw_only=True)
class CancelTrigger:
    trigger: str = argument("The trigger's id, or the label it looks for.")


def _schedule(context: Context, wanted: ScheduleTimer) -> Mapping[str, Any]:
    deed = deed_of(tool=wanted.tool, args=wanted.args, prompt=wanted.prompt)
    when = When(wanted.at, wanted.after, wanted.every, wanted.cron, wanted.tz)
    catch_up = wanted.catch_up or CatchUp.ONCE
    return timer_document(timers.schedule(context, deed, when, label=wanted.label, catch_up=catch_up))


def _list_timers(context: Context, wanted: ListThem) -> Mapping[str, Any]:
    return {
        "timers": [timer_document(one) for one in timers.list_timers(context, everything=wanted.finished)]
    }


def _cancel_timer(context: Context, wanted: CancelTimer) -> Mapping[str, Any]:
    return {"cancelled": [timer.id for timer in timers.cancel(context, wanted.timer)]}


def _create(context: Context, wanted: CreateTrigger) -> Mapping[str, Any]:
    deed = deed_of(tool=wanted.tool, args=wanted.args, prompt=wanted.prompt, of_trigger=True)
    about = (wanted.story, wanted.label, wanted.type, wanted.event)
    predicate = Predicate(*about, before=wanted.from_stage, after=wanted.to_stage)
    return trigger_document(triggers.create(context, predicate, deed, mode=wanted.mode or TriggerMode.ONCE))


def _list_triggers(context: Context, wanted: ListThem) -> Mapping[str, Any]:
    found = triggers.list_triggers(context, everything=wanted.finished)
    return {"triggers": [trigger_document(one) for one in found]}


def _cancel_trigger(context: Context, wanted: CancelTrigger) -> Mapping[str, Any]:
    return {"cancelled": [trigger.id for trigger in triggers.cancel(context, wanted.trigger)]}


TOOLS = (
    Tool(
        "schedule_timer", "Do something at a time, or again and again.", ScheduleTimer, _schedule, writes=True
    ),
    Tool("list_timers", "List timers, each with its next three times.", ListThem, _list_timers, writes=False),
    Tool(
        "cancel_timer", "Cancel a timer; one that is gone is fine.", CancelTimer, _cancel_timer, writes=True
    ),
    Tool("create_trigger", "Do something when stories move.", CreateTrigger, _create, writes=True),
    Tool("list_triggers", "List triggers.", ListThem, _list_triggers, writes=False),
    Tool(
        "cancel_trigger",
        "Cancel a trigger; one that is gone is fine.",
        CancelTrigger,
        _cancel_trigger,
        writes=True,
    ),
)
