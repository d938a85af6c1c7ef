"""notify: send people one message about the events since the last message, at most once.

The cursor moves with the claim, before the message is sent, so a crash can lose a message but never send it twice. The
process that sends the message is a job (see `jobs`).
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from shutil import rmtree
from typing import assert_never

from huskies_core.channels.message import Message
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.passes.jobs import Job, end_interrupted, lock_job, start_job
from huskies_core.passes.notice_text import message_after
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import cursors, journal, metadata, notifications, pass_times
from huskies_core.store.connection import Connection
from huskies_core.store.notifications import Delivery, NotificationStatus
from huskies_core.supervisor.run_directory import RunDirectory

NAME = "notify"
ON = "on"


@dataclass(frozen=True, kw_only=True)
class EndNotification(PlannedStep):
    notification: int


@dataclass(frozen=True, kw_only=True)
class SendNotification(PlannedStep):
    pass


NotifyStep = EndNotification | SendNotification


def plan(snapshot: Snapshot) -> tuple[NotifyStep, ...]:
    interrupted = (
        EndNotification(
            Verb.END_NOTIFICATION,
            detail=f"notification {notification.id} was interrupted",
            notification=notification.id,
        )
        for notification in notifications.still_open(snapshot.db)
        if _job(snapshot.context, notification.id).is_interrupted
    )
    message = _message(snapshot.context, snapshot.db)
    if message is None:
        return tuple(interrupted)
    return (*interrupted, SendNotification(Verb.SEND_NOTIFICATION, detail=_summary(message)))


def apply(context: Context, step: NotifyStep) -> str:
    match step:
        case EndNotification():
            end_interrupted(_job(context, step.notification))
            return step.detail
        case SendNotification():
            return _send(context)
        case _:
            assert_never(step)


def note_notify(context: Context) -> None:
    """Record whether a channel is configured, for readers that do not load the configuration.

    If this turns notifications on, notify sends only later events.
    """
    state = ON if context.config.project.notify.is_on else ""
    with context.store.reading() as db:
        recorded = metadata.get(db, metadata.NOTIFY) or ""
    if recorded == state:
        return
    with context.store.exclusive() as db:
        metadata.put(db, metadata.NOTIFY, state)
        if state:
            cursors.move(db, NAME, journal.head(db))


def directory_of(context: Context, number: int) -> RunDirectory:
    return RunDirectory(context.project.notification_dir(number))


def record_end(
    context: Context, number: int, status: NotificationStatus, channels: Sequence[Delivery]
) -> None:
    """Record the end of a notification and remove its directory."""
    with context.store.exclusive() as db:
        notifications.end(db, number, status, channels, actor=context.actor, now=context.now())
    rmtree(directory_of(context, number).path, ignore_errors=True)


def _message(context: Context, db: Connection) -> Message | None:
    """Return the message that is due, or None. Before a channel is recorded, there is no cursor to begin at."""
    if not context.config.project.notify.is_on or metadata.get(db, metadata.NOTIFY) != ON:
        return None
    topics, project = context.config.project.notify.events, context.project.root.name
    return message_after(db, cursors.get(db, NAME), topics, project)


def _summary(message: Message) -> str:
    more = len(message.notices) + message.more - 1
    return message.notices[-1].what + (f", and {more} more" if more else "")


def _send(context: Context) -> str:
    """Claim the message, the cursor and the time of the next message in one transaction, then start the process."""
    with ExitStack() as locks:
        with context.store.exclusive() as db:
            message, now = _message(context, db), context.now()
            if message is None:
                raise Overtaken("another process has sent the message", code="stale")
            claimed = notifications.claim(db, message.to_json(), now=now)
            cursors.move(db, NAME, journal.head(db))
            next_message = now + timedelta(seconds=context.config.project.notify.batch_secs)
            pass_times.record(db, NAME, last_at=now, due_at=next_message)
            lock = lock_job(directory_of(context, claimed.id), f"notification {claimed.id}", locks)
        start_job(context, _job(context, claimed.id), lock)
    return f"notification {claimed.id}: {_summary(message)}"


def _job(context: Context, number: int) -> Job:
    """Return the job. Its failures name no channel, because an interrupted process may have reached some channels."""

    def fail(why: str) -> None:
        record_end(context, number, NotificationStatus.FAILED, [Delivery("all", why)])

    def interrupt(last_output: str) -> None:
        why = f"interrupted: {last_output}" if last_output else "interrupted"
        record_end(context, number, NotificationStatus.INTERRUPTED, [Delivery("all", why)])

    return Job(
        "the process that sends the message",
        directory_of(context, number),
        ("deliver", str(number)),
        fail,
        interrupt,
    )


def _wake(snapshot: Snapshot) -> datetime | None:
    """Return the time before which notify sends no other message."""
    times = pass_times.get(snapshot.db, NAME)
    return times.due_at if times.waits(snapshot.now) else None


NOTIFY = Pass(NAME, plan, one_by_one(apply), follows=True, wake=_wake)
