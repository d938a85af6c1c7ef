"""notify: tells people of what happened since the last time, in one message, once.

The cursor moves with the claim, before anything is sent: whatever dies then, nobody is told twice. The message is sent
by a process of its own, which holds the lock of the notification until its end is recorded: an open one whose lock is
free was interrupted.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from shutil import rmtree

from huskies_core.channels.message import Message
from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.passes.background_process import last_words, start_detached
from huskies_core.passes.notice_text import message_after
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import cursors, journal, metadata, notifications, pass_times
from huskies_core.store.connection import Connection
from huskies_core.store.notifications import Delivery, Notification, Status
from huskies_core.supervisor.liveness import is_alive, take_lock
from huskies_core.supervisor.run_directory import RunDirectory

NAME = "notify"
ON = "on"


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    ended = (
        PlannedStep(
            Verb.END_NOTIFICATION, detail=f"notification {one.id} was interrupted", subject=str(one.id)
        )
        for one in notifications.still_open(snapshot.db)
        if not is_alive(directory_of(snapshot.context, one.id))
    )
    message = _message(snapshot.context, snapshot.db)
    return (
        *ended,
        *([] if message is None else [PlannedStep(Verb.SEND_NOTIFICATION, detail=_told(message))]),
    )


def apply(context: Context, action: PlannedStep) -> str:
    if action.verb is Verb.END_NOTIFICATION:
        return _end_interrupted(context, int(action.subject), action.detail)
    with ExitStack() as held:
        with context.store.exclusive() as db:
            claimed, message, lock = _claim(db, context, held)
        _set_going(context, claimed.id, lock)
    return f"notification {claimed.id}: {_told(message)}"


def note_notify(context: Context) -> None:
    """Writes down whether the config has people told, for who cannot read it.

    They are told of what happens from then on: what was over before, while nobody was to be told, is not news.
    """
    wanted = ON if context.config.project.notify.is_on else ""
    with context.store.reading() as db:
        noted = metadata.get(db, metadata.NOTIFY) or ""
    if noted == wanted:
        return
    with context.store.exclusive() as db:
        metadata.put(db, metadata.NOTIFY, wanted)
        if wanted:
            cursors.move(db, NAME, journal.head(db))


def is_due(context: Context) -> bool:
    """Whether rows of the journal wait to be looked at and the last message is long enough ago, or one that is being
    sent may have been left. Asks the store alone: at the end of a run the config may not load."""
    with context.store.reading() as db:
        if notifications.still_open(db):
            return True
        waits = pass_times.get(db, NAME).waits(context.now())
        is_on = metadata.get(db, metadata.NOTIFY) == ON
        return is_on and not waits and journal.head(db) > cursors.get(db, NAME)


def directory_of(context: Context, number: int) -> RunDirectory:
    return RunDirectory(context.project.notification_dir(number))


def record_end(context: Context, number: int, status: Status, channels: Sequence[Delivery]) -> None:
    """Writes how a notification ended. Its folder goes."""
    with context.store.exclusive() as db:
        notifications.end(db, number, status, channels, actor=context.actor, now=context.now())
    rmtree(directory_of(context, number).path, ignore_errors=True)


def _is_on(context: Context, db: Connection) -> bool:
    """A config that was turned on and not noted yet has no cursor to begin from."""
    return context.config.project.notify.is_on and metadata.get(db, metadata.NOTIFY) == ON


def _message(context: Context, db: Connection) -> Message | None:
    if not _is_on(context, db):
        return None
    topics, project = context.config.project.notify.events, context.project.root.name
    return message_after(db, cursors.get(db, NAME), topics, project)


def _told(message: Message) -> str:
    more = len(message.notices) + message.more - 1
    return message.notices[-1].what + (f", and {more} more" if more else "")


def _claim(db: Connection, context: Context, held: ExitStack) -> tuple[Notification, Message, int]:
    """Claims all there is now: the cursor, the message and the time before which there is no other go together."""
    message, now = _message(context, db), context.now()
    if message is None:
        raise Overtaken("somebody else has told that", code="stale")
    claimed = notifications.claim(db, message.document(), now=now)
    cursors.move(db, NAME, journal.head(db))
    gap = timedelta(seconds=context.config.project.notify.batch_secs)
    pass_times.record(db, NAME, last_at=now, due_at=now + gap)
    lock = take_lock(directory_of(context, claimed.id))
    if lock is None:
        raise Overtaken(f"the lock of notification {claimed.id} is held", code="already_running")
    held.callback(os.close, lock)
    return claimed, message, lock


def _set_going(context: Context, number: int, lock: int) -> None:
    """Starts the process that sends, and does not wait for it. One that cannot start has failed."""
    try:
        start_detached(context, directory_of(context, number), lock, "deliver", str(number))
    except OSError as error:
        record_end(context, number, Status.FAILED, [Delivery("all", f"could not be started: {error}")])
        raise HuskiesError(f"nothing could be sent: {error}") from error


def _end_interrupted(context: Context, number: int, detail: str) -> str:
    """Who was told by then is not known: it is not begun again."""
    words = last_words(directory_of(context, number))
    why = f"interrupted{f': {words}' if words else ''}"
    record_end(context, number, Status.INTERRUPTED, [Delivery("all", why)])
    return detail


def _wait(snapshot: Snapshot) -> datetime | None:
    """The time before which there is no other message stays written down."""
    times = pass_times.get(snapshot.db, NAME)
    return times.due_at if times.waits(snapshot.now) else None


NOTIFY = Pass(NAME, plan, one_by_one(apply), follows=True, wake=_wait)
