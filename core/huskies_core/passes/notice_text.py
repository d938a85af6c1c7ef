"""The text of notifications: the event, its reason, and the command that helps."""

from collections.abc import Callable, Mapping, Sequence

from huskies_core.channels.message import LONGEST_REASON, Message, Notice
from huskies_core.config.records import Topic
from huskies_core.pipeline.state_machine import TABLE
from huskies_core.sanitize import one_line
from huskies_core.store import journal, stories
from huskies_core.store.connection import Connection
from huskies_core.store.journal import JournalEntry

MOST = 20
"""The number of notices in a message. A message has the newest events and the number of older ones."""

TOPICS: Mapping[str, Topic] = {
    **{row.event.name: Topic(row.topic) for row in TABLE if row.topic},
    "hold_began": Topic.HELD,
    "budget_reached": Topic.BUDGET,
    "account_limited": Topic.RATE_LIMITED,
}
"""The journal events that a notification can report."""


def message_after(db: Connection, seq: int, topics: Sequence[Topic], project: str) -> Message | None:
    """Return a message about the events after a journal position; None if there are no events."""
    events = [event for event, topic in TOPICS.items() if topic in topics]
    count = journal.count_notable_after(db, seq, events)
    if not count:
        return None
    newest = journal.notable_after(db, seq, events, most=MOST)
    notices = tuple(_notice(db, entry) for entry in newest)
    return Message(one_line(project), notices, count - len(notices))


def _notice(db: Connection, entry: JournalEntry) -> Notice:
    what, reason, command = _WORDS[entry.event](entry)
    story = None if entry.story is None else stories.find(db, entry.story)
    line = one_line(reason)
    return Notice(
        topic=TOPICS[entry.event].value,
        at=entry.at,
        what=one_line(what),
        command=command,
        story=entry.story,
        title="" if story is None else one_line(story.draft.title),
        reason=line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…",
    )


Words = tuple[str, str, str]
"""The event, its reason, and the command that helps."""


def _blocked(entry: JournalEntry) -> Words:
    return f"Story {entry.story} is blocked", _reason(entry), f"huskies unblock {entry.story}"


def _review_held(entry: JournalEntry) -> Words:
    return f"Story {entry.story} waits for a person", _reason(entry), f"huskies approve {entry.story}"


def _queue_held(entry: JournalEntry) -> Words:
    hold = str(entry.detail.get("hold", ""))
    if entry.story is None:
        return "No story is merged", f"{hold}: the gates fail on the base branch itself", "huskies status"
    why = f"{hold}: uncommitted changes in the checkout conflict with it"
    return f"Story {entry.story} cannot land", why, f"huskies explain {entry.story}"


def _merge_failed(entry: JournalEntry) -> Words:
    why = ": ".join(filter(None, (str(entry.detail.get(key, "")) for key in ("kind", "detail"))))
    return f"Story {entry.story} failed to merge", why, f"huskies explain {entry.story}"


def _merge_failed_final(entry: JournalEntry) -> Words:
    return f"Story {entry.story} failed to merge permanently", _reason(entry), f"huskies retry {entry.story}"


def _merge_succeeded(entry: JournalEntry) -> Words:
    commit = str(entry.detail.get("merge_commit", ""))[:12]
    return f"Story {entry.story} is done", f"landed as {commit}", f"huskies show {entry.story}"


def _budget_reached(entry: JournalEntry) -> Words:
    owner = "the day" if entry.story is None else f"story {entry.story}"
    key = str(entry.detail["budget"])
    return f"The budget of {owner} is exhausted", str(entry.detail["detail"]), f"huskies config set {key} USD"


def _account_limited(entry: JournalEntry) -> Words:
    what = f"{entry.detail['account']} is at its limit until {entry.detail['until']}"
    return what, str(entry.detail["detail"]), "huskies status"


def _reason(entry: JournalEntry) -> str:
    return str(entry.detail.get("reason", ""))


_WORDS: Mapping[str, Callable[[JournalEntry], Words]] = {
    "block": _blocked,
    "review_held": _review_held,
    "hold_began": _queue_held,
    "merge_failed": _merge_failed,
    "merge_failed_final": _merge_failed_final,
    "merge_succeeded": _merge_succeeded,
    "budget_reached": _budget_reached,
    "account_limited": _account_limited,
}
