"""`huskies timer`: what is to happen at a time."""

from collections.abc import Sequence
from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.action_options import Args, Everything, PromptText, Tool, left_out, told, wanted_deed
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_cli.tick_advice import tick_advice
from huskies_core.clock import to_iso
from huskies_core.context import open_context
from huskies_core.operations import timers
from huskies_core.operations.execution_documents import timer_document
from huskies_core.operations.timers import When
from huskies_core.store.timers import CatchUp, Timer

At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Once, at 14:30 or 2026-12-01T09:00.", show_default=False),
]
In = Annotated[
    str | None, typer.Option("--in", metavar="SPAN", help="Once, in 90s, 2h, 1d.", show_default=False)
]
Every = Annotated[
    str | None,
    typer.Option("--every", metavar="SPAN", help="Again and again, every 30m, 6h.", show_default=False),
]
Cron = Annotated[
    str | None,
    typer.Option("--cron", metavar="EXPR", help="As five fields of cron say.", show_default=False),
]
Zone = Annotated[
    str | None,
    typer.Option("--tz", metavar="ZONE", help="Time zone of --at and --cron.", show_default=False),
]
Label = Annotated[str, typer.Option("--label", metavar="L", help="A name to cancel it by.")]
Missed = Annotated[
    CatchUp, typer.Option("--catch-up", metavar="once|none", help="Whether what a pause missed fires once.")
]
Name = Annotated[str, typer.Argument(metavar="TIMER", help="The timer's id or label.", show_default=False)]
MOST = 50
"""How many are drawn, the soonest; the JSON has all of them."""
COLUMNS = ("id", "label", "next", "mode", "action", "state")


def add_timer(
    ctx: typer.Context,
    at: At = None,
    after: In = None,
    every: Every = None,
    cron: Cron = None,
    tz: Zone = None,
    label: Label = "",
    catch_up: Missed = CatchUp.ONCE,
    tool: Tool = None,
    args: Args = None,
    prompt: PromptText = None,
) -> Result:
    """Set a timer.

    One of --at, --in, --every and --cron says when; --tool with --args, or --prompt, says what. A prompt becomes a task
    that is started at once.
    """
    deed = wanted_deed(tool, args, prompt)
    with open_context(session_of(ctx).start) as context:
        timer = timers.schedule(
            context, deed, When(at, after, every, cron, tz), label=label, catch_up=catch_up
        )
        talk = tick_advice(context)
    return Result(timer_document(timer), text=f"timer {timer.id}: {to_iso(timer.fire_at)}", talk=talk)


def list_timers(ctx: typer.Context, everything: Everything = False) -> Result:
    """List timers, each with its next three times.

    Without --all those that are armed, and those whose tool call was interrupted. As text the soonest 50.
    """
    with open_context(session_of(ctx).start) as context:
        found = timers.list_timers(context, everything=everything)
    data = {"timers": [timer_document(timer) for timer in found]} if session_of(ctx).json else {}
    return Result(data, text=lambda: _table(found, everything=everything))


def cancel_timer(ctx: typer.Context, timer: Name) -> Result:
    """Cancel a timer.

    By its id, or all that have the label. One that is gone already is fine.
    """
    with open_context(session_of(ctx).start) as context:
        gone = timers.cancel(context, timer)
    text = "\n".join(f"timer {one.id} cancelled" for one in gone)
    talk = () if gone else (f"there is no timer {timer} to cancel",)
    return Result({"cancelled": [one.id for one in gone]}, text=text, talk=talk)


def _table(found: Sequence[Timer], *, everything: bool) -> str:
    soonest = sorted(found, key=lambda timer: timer.fire_at)[:MOST]
    more = left_out(len(found) - MOST, "timer list", everything=everything)
    return render.paragraphs(render.table(COLUMNS, [row for timer in soonest for row in _rows(timer)]), more)


def _rows(timer: Timer) -> list[tuple[render.Cell, ...]]:
    """The times that come next stand below each other."""
    times = [to_iso(moment) for moment in timers.next_times(timer)] or [to_iso(timer.fire_at)]
    draft = timer.draft
    state = f"{timer.state}: {timer.trouble}" if timer.trouble else timer.state.value
    first = (timer.id, draft.label, times[0], draft.schedule.mode, told(draft.deed), state)
    return [first, *((None, "", moment, "", "", "") for moment in times[1:])]
