"""notify: send people one message about the events since the last message, at most once.

The cursor moves with the claim, before the message is sent, so a crash can lose a message but never send it twice. The
process that sends the message is a job (see `jobs`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from shutil import rmtree

from huskies_core.channels.message import LONGEST_REASON, Message, Notice
from huskies_core.config.records import Topic
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.ids import NotificationId
from huskies_core.passes.jobs import EndJob, Job, end_interrupted, start_job
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.pipeline.state_machine import TABLE
from huskies_core.sanitize import one_line
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import journal, metadata, notifications, pass_times, stories
from huskies_core.store.connection import Connection
from huskies_core.store.journal import JournalEntry
from huskies_core.store.notifications import Delivery, NotificationStatus
from huskies_core.supervisor.run_directory import RunDirectory, hold_lock

NAME = "notify"
ON = "on"


MOST = 20
"""The number of notices in a message. A message has the newest events and the number of older ones."""

TOPICS: Mapping[str, Topic] = {
    **{row.event.name: Topic(row.topic) for row in TABLE if row.topic},
    "hold_began": Topic.HELD,
    "budget_reached": Topic.BUDGET,
    "account_limited": Topic.RATE_LIMITED,
}
"""The journal events that a notification can report."""

_TEXTS = {
    "block": ("Story {story} is blocked", "{reason}", "huskies unblock {story}"),
    "review_held": ("Story {story} waits for a person", "{reason}", "huskies approve {story}"),
    "hold_began": (
        "Story {story} cannot land",
        "{hold}: {reason}",
        "huskies explain {story}",
    ),
    "merge_failed": ("Story {story} failed to merge", "{kind}: {detail}", "huskies explain {story}"),
    "merge_failed_final": ("Story {story} failed to merge permanently", "{reason}", "huskies retry {story}"),
    "merge_succeeded": ("Story {story} is done", "landed as {merge_commit:.12}", "huskies show {story}"),
    "budget_reached": (
        "The budget of story {story} is exhausted",
        "{detail}",
        "huskies config set {budget} USD",
    ),
    "account_limited": ("{account} is at its limit until {until}", "{detail}", "huskies status"),
}
"""The event, its reason, and the command that helps. The names are keys of the journal row's detail."""
_TEXTS_WITHOUT_STORY = {
    **_TEXTS,
    "hold_began": (
        "No story is merged",
        "{hold}: the gates fail on the base branch itself",
        "huskies status",
    ),
    "budget_reached": ("The budget of the day is exhausted", "{detail}", "huskies config set {budget} USD"),
}


class SendNotification(PlannedStep, frozen=True):
    """Send the message that is due."""


def plan(snapshot: Snapshot) -> Iterator[EndJob | SendNotification]:
    for notification in notifications.still_open(snapshot.db):
        if _job(snapshot.context, notification.id).is_interrupted:
            detail = f"notification {notification.id} was interrupted"
            yield EndJob(Verb.END_NOTIFICATION, detail=detail, number=notification.id)
    message = _due_message(snapshot.context, snapshot.db)
    if message is not None:
        yield SendNotification(Verb.SEND_NOTIFICATION, detail=_summary(message))


def apply(context: Context, step: EndJob | SendNotification) -> str:
    match step:
        case EndJob():
            end_interrupted(_job(context, NotificationId(step.number)))
            return step.detail
        case SendNotification():
            return _send(context)


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
            journal.move_cursor(db, NAME, journal.head(db))


def directory_of(context: Context, number: NotificationId) -> RunDirectory:
    return RunDirectory(context.project.notification_dir(number))


def record_end(
    context: Context, number: NotificationId, status: NotificationStatus, channels: Sequence[Delivery]
) -> None:
    """Record the end of a notification and remove its directory."""
    with context.store.exclusive() as db:
        notifications.end(db, number, status, channels, actor=context.actor, now=context.now())
    rmtree(directory_of(context, number).path, ignore_errors=True)


def _due_message(context: Context, db: Connection) -> Message | None:
    """Return the message that is due, or None. Before a channel is recorded, there is no cursor to begin at."""
    settings = context.config.project.notify
    if not settings.is_on or metadata.get(db, metadata.NOTIFY) != ON:
        return None
    seq = journal.cursor(db, NAME)
    events = [event for event, topic in TOPICS.items() if topic in settings.events]
    count = journal.count_notable_after(db, seq, events)
    if not count:
        return None
    newest = journal.notable_after(db, seq, events, most=MOST)
    notices = tuple(_notice(db, entry) for entry in newest)
    return Message(one_line(context.project.root.name), notices, count - len(notices))


def _notice(db: Connection, entry: JournalEntry) -> Notice:
    texts = _TEXTS_WITHOUT_STORY if entry.story is None else _TEXTS
    values = defaultdict(str, entry.detail, story=entry.story)
    what, reason, command = (text.format_map(values) for text in texts[entry.event])
    reason = one_line(reason.removesuffix(": "))
    story = None if entry.story is None else stories.find(db, entry.story)
    return Notice(
        topic=TOPICS[entry.event].value,
        at=entry.at,
        what=one_line(what),
        command=command,
        story=entry.story,
        title="" if story is None else one_line(story.draft.title),
        reason=reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…",
    )


def _summary(message: Message) -> str:
    more = len(message.notices) + message.more - 1
    return message.notices[-1].what + (f", and {more} more" if more else "")


def _send(context: Context) -> str:
    """Claim the message, the cursor and the time of the next message in one transaction, then start the process."""
    with ExitStack() as locks:
        with context.store.exclusive() as db:
            message, now = _due_message(context, db), context.now()
            if message is None:
                raise Overtaken("another process has sent the message", code="stale")
            claimed = notifications.claim(db, message.to_json(), now=now)
            journal.move_cursor(db, NAME, journal.head(db))
            next_message = now + timedelta(seconds=context.config.project.notify.batch_secs)
            pass_times.record(db, NAME, last_at=now, due_at=next_message)
            lock = hold_lock(directory_of(context, claimed.id), f"notification {claimed.id}", locks)
        start_job(context, _job(context, claimed.id), lock)
    return f"notification {claimed.id}: {_summary(message)}"


def _job(context: Context, number: NotificationId) -> Job:
    """Return the job. Its failures name no channel, because an interrupted process may have reached some channels."""

    def fail(why: str) -> None:
        record_end(context, number, NotificationStatus.FAILED, [Delivery("all", why)])

    def interrupt(last_output: str) -> None:
        why = f"interrupted: {last_output}" if last_output else "interrupted"
        record_end(context, number, NotificationStatus.INTERRUPTED, [Delivery("all", why)])

    name = "the process that sends the message"
    return Job(name, directory_of(context, number), ("deliver", str(number)), fail, interrupt)


def _wake(snapshot: Snapshot) -> datetime | None:
    """Return the time before which notify sends no other message."""
    times = pass_times.get(snapshot.db, NAME)
    return times.due_at if times.waits(snapshot.now) else None


NOTIFY = Pass(NAME, plan, one_by_one(apply), follows=True, wake=_wake)
