"""Triggers: actions when stories move."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from msgspec.structs import replace

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.humanize import did_you_mean
from huskies_core.operations import actions
from huskies_core.operations.operation import Command, FindOperation, operation
from huskies_core.operations.record_json import pick
from huskies_core.pipeline.stages import StageName
from huskies_core.pipeline.state_machine import event_names
from huskies_core.store import triggers
from huskies_core.store.actions import to_json as action_json
from huskies_core.store.stories import StoryType
from huskies_core.store.triggers import Predicate, Trigger, TriggerDraft, TriggerMode

_WILDCARDS = frozenset("*?[")
_VARIABLES = "Variables of the transition: {{story_id}}, {{story_title}}, {{event}}, {{from}}, {{to}}."
_TEMPLATE_ARGS = replace(actions.ARGS, help=f"{actions.ARGS.help} {_VARIABLES}")
_TEMPLATE = replace(actions.PROMPT, help=f"{actions.PROMPT.help} {_VARIABLES}")
_pattern = partial(Argument, metavar="GLOB")


def trigger_json(trigger: Trigger) -> dict[str, Any]:
    draft = trigger.draft
    return {
        **pick(trigger, "id", "fired", "state"),
        "predicate": draft.predicate.as_document(),
        "mode": draft.mode,
        "action": action_json(draft.action),
        "trouble": trigger.problem or None,
    }


@operation(
    "create_trigger",
    Command("trigger add"),
    json=trigger_json,
    writes=True,
    check=partial(actions.check_action, of_trigger=True),
)
def create_trigger(
    context: Context,
    story: Annotated[
        str | None,
        _pattern("Only the story with this id. This and the next five values are patterns with * and ?."),
    ] = None,
    label: Annotated[str | None, _pattern("Only stories with this label.")] = None,
    kind: Annotated[
        str | None, _pattern("Only stories of this type.", name="type", completion="types")
    ] = None,
    event: Annotated[str | None, _pattern("Only this event.", completion="events")] = None,
    from_stage: Annotated[
        str | None, _pattern("Only from this stage.", flags=("--from",), completion="stages")
    ] = None,
    *,
    to_stage: Annotated[
        str | None, _pattern("Only to this stage.", flags=("--to",), completion="stages")
    ] = None,
    mode: Annotated[
        TriggerMode | None,
        Argument(
            "Run the action once, or for each transition (persistent).",
            flags=("--once/--persistent",),
            default=TriggerMode.ONCE,
        ),
    ] = None,
    tool: Annotated[str | None, actions.TOOL] = None,
    args: Annotated[Mapping[str, Any] | None, _TEMPLATE_ARGS] = None,
    prompt: Annotated[str | None, _TEMPLATE] = None,
    find: FindOperation,
) -> Trigger:
    """Set a trigger for transitions from now on.

    The trigger applies to transitions that match all given patterns. Its action is an operation with its arguments, or
    a prompt.
    """
    action = actions.build_action(find=find, tool=tool, args=args, prompt=prompt, of_trigger=True)
    predicate = Predicate(story, label, kind, event, before=from_stage, after=to_stage)
    _check(predicate)
    draft = TriggerDraft(predicate, action, mode or TriggerMode.ONCE)
    with context.store.exclusive() as db:
        return triggers.add(db, draft, actor=context.actor, now=context.now())


@operation(
    "list_triggers", Command("trigger list"), json=lambda items: {"triggers": list(map(trigger_json, items))}
)
def list_triggers(context: Context, *, finished: actions.Finished = False) -> tuple[Trigger, ...]:
    """List triggers.

    The list contains armed and suspended triggers, and triggers with an interrupted tool call.
    """
    return actions.list_items(context, triggers, finished=finished)


@operation("cancel_trigger", Command("trigger cancel"), json=actions.cancelled_json, writes=True)
def cancel_trigger(
    context: Context,
    trigger: Annotated[
        str, actions.name_argument("trigger", "The trigger's id, or the label in its pattern.")
    ],
) -> tuple[Trigger, ...]:
    """Cancel a trigger, or all triggers for a label.

    It is no error if no trigger matches.
    """
    return actions.cancel_named(context, triggers, trigger)


def _check(predicate: Predicate) -> None:
    """Raise UsageError for a pattern that no transition can match."""
    stages = tuple(name.value for name in StageName)
    known = {
        "type": tuple(kind.value for kind in StoryType),
        "event": (*event_names(), "imported"),
        "from": stages,
        "to": stages,
    }
    for field, pattern in predicate.as_document().items():
        actions.check_name(field, pattern)
        if field in known and not _WILDCARDS.intersection(pattern) and pattern not in known[field]:
            hint = did_you_mean(pattern, known[field], f"Known: {', '.join(known[field])}.")
            raise UsageError(f"{field} {pattern} does not exist", hint=hint, subject=field)
