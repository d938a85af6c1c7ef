"""Rows of the journal as notices: what of them people can be told of, in which words, and what helps."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from huskies_core.channels.message import LONGEST_REASON, Message, Notice
from huskies_core.config.records import Topic
from huskies_core.pipeline.state_machine import TABLE
from huskies_core.sanitize import one_line
from huskies_core.store import journal, stories
from huskies_core.store.connection import Connection
from huskies_core.store.journal import Entry

MOST = 20
"""How many notices one message has: the newest. What came before them it counts."""

TOPICS: Mapping[str, Topic] = {
    **{row.event.name: Topic(row.topic) for row in TABLE if row.topic},
    "hold_began": Topic.HELD,
    "budget_reached": Topic.BUDGET,
    "account_limited": Topic.RATE_LIMITED,
}
"""The journal events that a notification can report."""


def message_after(db: Connection, seq: int, topics: Sequence[Topic], project: str) -> Message | None:
    """What there is to be told behind a position of the journal; None where that is nothing."""
    events = [event for event, topic in TOPICS.items() if topic in topics]
    count = journal.count_notable_after(db, seq, events)
    if not count:
        return None
    newest = journal.notable_after(db, seq, events, most=MOST)
    notices = tuple(_notice(db, entry) for entry in newest)
    return Message(one_line(project), notices, count - len(notices))


def _notice(db: Connection, entry: Entry) -> Notice:
    what, reason, command = _WORDS[entry.event](entry)
    story = None if entry.story is None else stories.find(db, entry.story)
    return Notice(
        topic=TOPICS[entry.event].value,
        at=entry.at,
        what=one_line(what),
        command=command,
        story=entry.story,
        title="" if story is None else one_line(story.draft.title),
        reason=_shortened(reason),
    )


def _shortened(reason: str) -> str:
    line = one_line(reason)
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


Words = tuple[str, str, str]
"""What happened, why, and the command that helps."""


def _blocked(entry: Entry) -> Words:
    why = str(entry.detail.get("reason", ""))
    return f"Story {entry.story} is blocked", why, f"huskies unblock {entry.story}"


def _held(entry: Entry) -> Words:
    why = str(entry.detail.get("reason", ""))
    return f"Story {entry.story} waits for a person", why, f"huskies approve {entry.story}"


def _queue_held(entry: Entry) -> Words:
    hold = str(entry.detail.get("hold", ""))
    if entry.story is None:
        return "Nothing is merged", f"{hold}: the gates fail on the base branch itself", "huskies status"
    why = f"{hold}: changes in the checkout that are not committed are in its way"
    return f"Story {entry.story} cannot land", why, f"huskies explain {entry.story}"


def _merge_failed(entry: Entry) -> Words:
    why = ": ".join(filter(None, (str(entry.detail.get(key, "")) for key in ("kind", "detail"))))
    return f"Story {entry.story} failed to merge", why, f"huskies explain {entry.story}"


def _failed_for_good(entry: Entry) -> Words:
    why = str(entry.detail.get("reason", ""))
    return f"Story {entry.story} failed to merge for good", why, f"huskies retry {entry.story}"


def _done(entry: Entry) -> Words:
    commit = str(entry.detail.get("merge_commit", ""))[:12]
    return f"Story {entry.story} is done", f"landed as {commit}", f"huskies show {entry.story}"


def _budget_reached(entry: Entry) -> Words:
    whose = "The budget of the day" if entry.story is None else f"The budget of story {entry.story}"
    key = str(entry.detail["budget"])
    return f"{whose} is used up", str(entry.detail["detail"]), f"huskies config set {key} USD"


def _account_limited(entry: Entry) -> Words:
    told: Mapping[str, Any] = entry.detail
    what = f"{told['account']} is at its limit until {told['until']}"
    return what, str(told["detail"]), "huskies status"


_WORDS: Mapping[str, Callable[[Entry], Words]] = {
    "block": _blocked,
    "review_held": _held,
    "hold_began": _queue_held,
    "merge_failed": _merge_failed,
    "merge_failed_final": _failed_for_good,
    "merge_succeeded": _done,
    "budget_reached": _budget_reached,
    "account_limited": _account_limited,
}
