"""`huskies notify`: the pass that starts notifications."""

from collections.abc import Sequence
from typing import Annotated

from huskies_cli import render
from huskies_cli.command import own_command
from huskies_cli.commands.passes import Wait, run_passes
from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.channels.message import Message
from huskies_core.errors import UsageError
from huskies_core.operations import notifications
from huskies_core.operations.common_arguments import DryRun
from huskies_core.operations.operation import PASSES, Command
from huskies_core.passes import pass_sequence
from huskies_core.store.notifications import Delivery, Notification


@own_command(Command("notify", PASSES))
def notify(
    session: Session,
    *,
    dry_run: DryRun = False,
    wait: Wait = None,
    test: Annotated[bool, Argument("Send a test through every channel and wait for the results.")] = False,
    listed: Annotated[
        bool, Argument("List the latest notifications and their results.", flags=("--list",))
    ] = False,
) -> Result:
    """Send notifications about recent events.

    One message covers all events since the last message, of the kinds that the table notify in project.toml names. A
    separate process sends the message once. --list shows failed and interrupted notifications; these are not sent
    again.
    """
    if test + listed + dry_run > 1:
        raise UsageError("--test, --list and --dry-run exclude each other", hint="Give one of them.")
    if test:
        return _test(session)
    if listed:
        return _list(session)
    return run_passes(session, "notify", pass_sequence.notify_people, dry_run=dry_run, wait=wait)


def _test(session: Session) -> Result:
    with session.open() as context:
        sent = notifications.send_test(context)
    errors = tuple(ErrorItem("channel", str(item), subject=item.channel) for item in sent if item.problem)
    data = {"channels": _channels(sent)}
    delivered = [str(item) for item in sent if not item.problem]
    return Result(data, "\n".join(map(render.line, delivered)), errors, done=len(delivered))


def _list(session: Session) -> Result:
    with session.open() as context:
        recent = notifications.recent_notifications(context)
    data = {"notifications": [_json(item) for item in recent]}
    rows = [(item.id, item.at, item.status.value, _title(item)) for item in recent]
    return Result(data, lambda: render.table(("id", "at", "status", "what"), rows))


def _json(item: Notification) -> dict[str, object]:
    message = {key: item.message[key] for key in ("title", "notices", "more")}
    about = {"id": item.id, "at": item.at, "status": item.status}
    return {**about, **message, "channels": _channels(item.channels)}


def _channels(channels: Sequence[Delivery]) -> list[dict[str, object]]:
    return [{"channel": item.channel, "ok": not item.problem, "problem": item.problem} for item in channels]


def _title(item: Notification) -> str:
    title = Message.from_json(item.message).title
    return f"{title} ({item.problem})" if item.problem else title
