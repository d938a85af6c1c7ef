"""`huskies notify`: the pass that tells people; and `huskies deliver`, the process that it leaves the sending to."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.commands.passes import run_passes
from huskies_cli.options import DryRun, Wait, whole_number
from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import Session, session_of
from huskies_core.channels.message import message_of
from huskies_core.context import open_context
from huskies_core.errors import UsageError
from huskies_core.operations import notifications
from huskies_core.passes import pass_sequence
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.store.notifications import Delivery, Notification

Test = Annotated[bool, typer.Option("--test", help="Send a test by every channel and wait for each.")]
List = Annotated[bool, typer.Option("--list", help="List the latest notifications and what became of them.")]
Number = Annotated[
    int,
    typer.Argument(
        parser=whole_number, metavar="NOTIFICATION", help="The notification's number.", show_default=False
    ),
]


def notify(
    ctx: typer.Context,
    dry_run: DryRun = False,
    wait: Wait = None,
    test: Test = False,
    listed: List = False,
) -> Result:
    """Tell people of what happened.

    One message has all that happened since the last one, of what [notify] in project.toml names. It is sent by a
    process of its own, once: what failed or was interrupted is listed, not tried again.
    """
    if test + listed + dry_run > 1:
        raise UsageError("--test, --list and --dry-run are three things", hint="Give one of them.")
    if test:
        return _test(session_of(ctx))
    if listed:
        return _list(session_of(ctx))
    return run_passes(ctx, "notify", partial(pass_sequence.notify_people, dry_run=dry_run, wait=wait or 0.0))


def deliver(ctx: typer.Context, notification: Number) -> Result:
    """Send a notification.

    Called by notify; it refuses everybody else, since nothing is sent twice.
    """
    with open_context(session_of(ctx).start, actor="pass:notify") as context:
        refuse_inside_run(context)
        return Result(text=notifications.deliver(context, notification))


def _test(session: Session) -> Result:
    with open_context(session.start) as context:
        sent = notifications.send_test(context)
    errors = tuple(ErrorItem("channel", str(one), subject=one.channel) for one in sent if one.trouble)
    data = {"channels": _channels(sent)}
    well = [str(one) for one in sent if not one.trouble]
    return Result.of_items(data, "\n".join(map(render.line, well)), errors, done=len(well))


def _list(session: Session) -> Result:
    with open_context(session.start) as context:
        found = notifications.recent_notifications(context)
    data = {"notifications": [_document(one) for one in found]}
    rows = [(one.id, one.at, one.status.value, _told(one)) for one in found]
    return Result(data, lambda: render.table(("id", "at", "status", "what"), rows))


def _document(one: Notification) -> dict[str, object]:
    message = {key: one.message[key] for key in ("title", "notices", "more")}
    return {
        "id": one.id,
        "at": one.at,
        "status": one.status,
        **message,
        "channels": _channels(one.channels),
    }


def _channels(channels: Sequence[Delivery]) -> list[dict[str, object]]:
    return [{"channel": one.channel, "ok": not one.trouble, "problem": one.trouble} for one in channels]


def _told(one: Notification) -> str:
    title = message_of(one.message).title
    return f"{title} ({one.trouble})" if one.trouble else title
