"""`huskies trigger`: what is to happen when stories move."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from huskies_cli import render
from huskies_cli.action_options import Args, Everything, PromptText, Tool, left_out, told, wanted_deed
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.operations import triggers
from huskies_core.operations.execution_documents import trigger_document
from huskies_core.store.triggers import Predicate, Trigger, TriggerMode


def _pattern(flag: str, help_text: str) -> Any:
    return typer.Option(flag, metavar="GLOB", help=help_text, show_default=False)


OfStory = Annotated[str | None, _pattern("--story", "Only the story of this id.")]
Label = Annotated[str | None, _pattern("--label", "Only stories with this label.")]
OfType = Annotated[str | None, _pattern("--type", "Only stories of this type.")]
Event = Annotated[str | None, _pattern("--event", "Only this event.")]
From = Annotated[str | None, _pattern("--from", "Only from this stage.")]
To = Annotated[str | None, _pattern("--to", "Only to this stage.")]
Once = Annotated[bool, typer.Option("--once/--persistent", help="Fire once, or each time.")]
Name = Annotated[
    str,
    typer.Argument(
        metavar="TRIGGER", help="The trigger's id, or the label it looks for.", show_default=False
    ),
]
MOST = 50
"""How many are drawn; the JSON has all of them."""
COLUMNS = ("id", "when", "mode", "action", "fired", "state")


def add_trigger(
    ctx: typer.Context,
    story: OfStory = None,
    label: Label = None,
    of_type: OfType = None,
    event: Event = None,
    before: From = None,
    after: To = None,
    once: Once = True,
    tool: Tool = None,
    args: Args = None,
    prompt: PromptText = None,
) -> Result:
    """Set a trigger.

    It sees the transitions that come from now on. Each pattern may have * and ?; one that is not given is met by all.
    --tool with --args, or --prompt, says what is done; {{story_id}} in it is the story that moved. A prompt becomes a
    task that is started at once.
    """
    deed = wanted_deed(tool, args, prompt, of_trigger=True)
    predicate = Predicate(story, label, of_type, event, before, after)
    mode = TriggerMode.ONCE if once else TriggerMode.PERSISTENT
    with open_context(session_of(ctx).start) as context:
        trigger = triggers.create(context, predicate, deed, mode=mode)
    return Result(trigger_document(trigger), text=f"trigger {trigger.id}: {_when(trigger)}")


def list_triggers(ctx: typer.Context, everything: Everything = False) -> Result:
    """List triggers.

    Without --all those that are armed, suspended, or whose tool call was interrupted.
    """
    with open_context(session_of(ctx).start) as context:
        found = triggers.list_triggers(context, everything=everything)
    data = {"triggers": [trigger_document(trigger) for trigger in found]} if session_of(ctx).json else {}
    return Result(data, text=lambda: _table(found, everything=everything))


def cancel_trigger(ctx: typer.Context, trigger: Name) -> Result:
    """Cancel a trigger.

    By its id, or all that look for the label. One that is gone already is fine.
    """
    with open_context(session_of(ctx).start) as context:
        gone = triggers.cancel(context, trigger)
    text = "\n".join(f"trigger {one.id} cancelled" for one in gone)
    talk = () if gone else (f"there is no trigger {trigger} to cancel",)
    return Result({"cancelled": [one.id for one in gone]}, text=text, talk=talk)


def _when(trigger: Trigger) -> str:
    patterns = trigger.draft.predicate.as_document()
    return " ".join(f"{name} {pattern}" for name, pattern in patterns.items()) or "any transition"


def _table(found: Sequence[Trigger], *, everything: bool) -> str:
    more = left_out(len(found) - MOST, "trigger list", everything=everything)
    return render.paragraphs(render.table(COLUMNS, [_row(trigger) for trigger in found[:MOST]]), more)


def _row(trigger: Trigger) -> tuple[render.Cell, ...]:
    draft = trigger.draft
    state = f"{trigger.state}: {trigger.trouble}" if trigger.trouble else trigger.state.value
    return (trigger.id, _when(trigger), draft.mode.value, told(draft.deed), trigger.fired, state)
