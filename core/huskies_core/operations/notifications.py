"""The delivery of notifications: through all configured channels in parallel, in a process of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from huskies_core.channels import addresses, programs
from huskies_core.channels.message import Channel, Message, Notice
from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import NotificationId
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.passes.jobs import adopted
from huskies_core.passes.notify import directory_of, record_end
from huskies_core.passes.steps import attempt
from huskies_core.store import notifications
from huskies_core.store.notifications import Delivery, Notification, NotificationStatus
from huskies_core.supervisor.environment import read_env_file
from huskies_core.supervisor.run_directory import LOCK_FD_VARIABLE

WITHIN_SECS = 60.0
"""The time limit for all channels together; a channel that is still sending then has failed."""


def deliver(context: Context, number: NotificationId) -> str:
    """Send a claimed notification and record the result of each channel.

    After a crash the notification is interrupted and never sent again. Raise HuskiesError `not_yours`, with nothing
    sent, if it was not handed to this process.
    """
    directory = directory_of(context, number)
    with adopted(context, notifications.load, number, directory, f"notification {number}") as notification:
        deliveries = _send_all(context, Message.from_json(notification.message))
        failed = any(delivery.problem for delivery in deliveries)
        status = NotificationStatus.FAILED if failed else NotificationStatus.SENT
        record_end(context, number, status, deliveries)
    return "; ".join(map(str, deliveries))


def send_test(context: Context) -> tuple[Delivery, ...]:
    """Send a test message and return the result of each channel. Raise HuskiesError if none is configured."""
    refuse_inside_run(context)
    channels = channels_of(context)
    if not channels:
        fact = "no notification channel is configured"
        hint = "Set one in [notify] of project.toml: desktop, command, webhook or apprise."
        raise HuskiesError(fact, hint=hint, code="not_set", subject="notify")
    notice = Notice("test", to_iso(context.now()), "This is a test", "huskies status")
    return send_by(channels, Message(context.project.root.name, (notice,)))


def recent_notifications(context: Context) -> tuple[Notification, ...]:
    """Return the notifications that retention_days keeps, the latest first."""
    with context.store.reading() as db:
        return notifications.recent(db)


def send_by(
    channels: Sequence[Channel], message: Message, *, within: float = WITHIN_SECS
) -> tuple[Delivery, ...]:
    """Send through all channels in parallel. A channel that takes longer than `within` seconds is abandoned."""
    results: dict[str, Delivery] = {}
    threads = [
        threading.Thread(target=_send, args=(channel, message, results), name=channel.name, daemon=True)
        for channel in channels
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + within
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = f"it took longer than {within:g} s"
    return tuple(results.get(channel.name) or Delivery(channel.name, late) for channel in channels)


def channels_of(context: Context) -> tuple[Channel, ...]:
    """Return the configured channels. One with an unset variable fails when it sends; the others still send."""
    notify, root = context.config.project.notify, context.project.root
    environ = {**context.environ, "HUSKIES_PROJECT": str(root)}
    environ.pop(LOCK_FD_VARIABLE, None)
    channels = []
    if notify.desktop:
        channels.append(Channel("desktop", partial(programs.show, environ=environ)))
    if notify.command:
        run = partial(programs.run, command=notify.command, root=root, environ=environ)
        channels.append(Channel("command", run))
    if notify.webhook:
        channels.append(_channel_to(context, "webhook", notify.webhook, addresses.post))
    for number, url in enumerate(notify.apprise, start=1):
        # The rest of an address may be secret.
        scheme, separator, _ = url.partition("://")
        name = f"apprise {number} ({scheme})" if separator and "$" not in scheme else f"apprise {number}"
        channels.append(_channel_to(context, name, url, addresses.send_by_apprise))
    return tuple(channels)


def _channel_to(context: Context, name: str, url: str, send: Callable[[Message, str], None]) -> Channel:
    def send_there(message: Message) -> None:
        values = read_env_file(context.project.env_file) if addresses.names_in(url) else {}
        send(message, addresses.with_values(url, values))

    return Channel(name, send_there)


def _send(channel: Channel, message: Message, results: dict[str, Delivery]) -> None:
    with attempt() as attempted:
        channel.send(message)
    # The message of a library's error can contain the whole address: keep only the class of the error.
    problem = attempted.message.partition(":")[0] if attempted.code == "bug" else attempted.message
    results[channel.name] = Delivery(channel.name, problem)


def _send_all(context: Context, message: Message) -> tuple[Delivery, ...]:
    """Send a message. The config may have changed since the claim; then the delivery fails."""
    try:
        channels = channels_of(context)
    except HuskiesError as error:
        return (Delivery("all", error.message),)
    return send_by(channels, message) or (Delivery("all", "no channel is configured any more"),)
