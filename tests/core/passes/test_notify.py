"""Notifications: their events, the collection of events in one message, and the result of a crash at each step."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from huskies_core.channels.message import Message, Notice
from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.errors import Overtaken
from huskies_core.ids import NotificationId, Seq, StoryId
from huskies_core.passes import pass_sequence
from huskies_core.passes.due import is_due
from huskies_core.passes.notify import NOTIFY, SendNotification, apply, directory_of
from huskies_core.passes.pass_runner import run_pass, run_passes
from huskies_core.passes.steps import Verb
from huskies_core.pipeline.events import (
    Block,
    Event,
    Freeze,
    MergeFailed,
    MergeFailedFinal,
    MergeRetried,
    MergeSucceeded,
    ReviewHeld,
    Start,
    Unblock,
    Unfreeze,
)
from huskies_core.pipeline.stages import Coding, Merge, MergeFailureKind
from huskies_core.store import journal, metadata, notifications, pass_times, queue_holds
from huskies_core.store.notifications import Notification, NotificationStatus
from huskies_core.store.queue_holds import QUEUE, QueueHoldKind
from huskies_core.supervisor.run_directory import is_alive
from support.contexts import Clock, opened
from support.stories import add_story, apply_events, apply_to_story, import_story
from support.waiting import wait_until

SEND = """#!/bin/sh
printf '%s\n' "$(cat)" >> "$HUSKIES_PROJECT/messages"
"""
ALL = '["blocked", "held", "merge_failed", "done", "budget", "rate_limited"]'


@pytest.fixture
def clock() -> Clock:
    """Use the real time, because `is_due` reads the clock."""
    return Clock(utc_now())


@pytest.fixture
def context(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    """Open a project without a notification channel."""
    with opened(tmp_path / "shop", clock) as context:
        context.environ = {**os.environ}
        program = context.project.root / "send"
        program.write_text(SEND)
        program.chmod(0o755)
        yield context
        wait_until(lambda: not is_sending(context), 30)


def is_sending(context: Context) -> bool:
    """Return whether a sending process is alive."""
    folder = context.project.notification_dir(0).parent
    numbers = [int(path.name) for path in folder.glob("*")]
    return any(is_alive(directory_of(context, NotificationId(number))) for number in numbers)


def turn_on(context: Context, more: str = "", *, command: str = "./send") -> None:
    """Configure a channel for all events."""
    text = f'[notify]\nevents = {ALL}\ncommand = ["{command}"]\n{more}\n'
    context.project.project_toml.write_text(text)
    context.forget_config()
    pass_sequence.tick(context)


def turn_off(context: Context) -> None:
    context.project.project_toml.write_text("# nobody\n")
    context.forget_config()
    pass_sequence.tick(context)


def block(context: Context, title: str = "A story", reason: str = "why") -> int:
    story = add_story(context.store, title, now=context.now()).id
    for event in (Start(), Block(reason)):
        apply_to_story(context.store, story, event, now=context.now())
    return story


def notify(context: Context) -> list[str]:
    """Return the details of one pass."""
    return [one.detail for one in run_pass(context, NOTIFY).results]


def delivered(context: Context) -> list[list[str]]:
    """Return the sentences of each delivered message, after all claimed ones have ended."""
    wait_until(lambda: not still_open(context), 30)
    path = context.project.root / "messages"
    lines = path.read_text().splitlines() if path.exists() else []
    return [[notice["what"] for notice in json.loads(line)["notices"]] for line in lines]


def still_open(context: Context) -> tuple[Notification, ...]:
    with context.store.reading() as db:
        return notifications.still_open(db)


def statuses(context: Context) -> list[NotificationStatus]:
    with context.store.reading() as db:
        return [one.status for one in reversed(notifications.recent(db))]


def queue_rows(context: Context) -> list[str]:
    with context.store.reading() as db:
        return [
            row.event for row in journal.entries_after(db, Seq(0)) if row.kind is journal.JournalKind.QUEUE
        ]


# the events of a message


def test_events_are_sent_in_one_message_and_a_second_run_does_nothing(context: Context) -> None:
    turn_on(context)
    block(context)
    block(context)
    first, second = notify(context), notify(context)
    assert (first, second) == (["notification 1: Story 2 is blocked, and 1 more"], [])
    assert delivered(context) == [["Story 1 is blocked", "Story 2 is blocked"]]
    assert (statuses(context), queue_rows(context)) == ([NotificationStatus.SENT], [])
    assert not context.project.notification_dir(1).exists()


MERGE = Merge("feature/story-1", 1)
FAILED = MergeFailed(MergeFailureKind.OTHER, "no disk")


@pytest.mark.parametrize(
    ("stage", "events", "sentences"),
    [
        (Coding(), [ReviewHeld("look")], ["Story 1 waits for a person"]),
        (MERGE, [FAILED], ["Story 1 failed to merge"]),
        (MERGE, [FAILED, FAILED, FAILED], ["Story 1 failed to merge"]),
        (MERGE, [FAILED, MergeRetried("feature/story-1", 1), FAILED], ["Story 1 failed to merge"] * 2),
        (
            MERGE,
            [FAILED, MergeFailedFinal("no")],
            ["Story 1 failed to merge", "Story 1 failed to merge permanently"],
        ),
        (MERGE, [MergeSucceeded("c0ffee" * 6, "2026-03-01T12:00:00.000Z")], ["Story 1 is done"]),
        (
            Coding(),
            [Block("why"), Freeze(), Unfreeze(), Unblock()],
            ["Story 1 is blocked"],
        ),
    ],
)
def test_each_visit_is_reported_once(
    context: Context, stage: Coding | Merge, events: list[Event], sentences: list[str]
) -> None:
    turn_on(context)
    import_story(context.store, stage)
    apply_events(context.store, *events, now=context.now())
    notify(context)
    assert delivered(context) == [sentences]


def test_queue_holds_are_reported(context: Context) -> None:
    turn_on(context)
    import_story(context.store, MERGE)
    with context.store.exclusive() as db:
        for kind, story in ((QueueHoldKind.BASE_BROKEN, QUEUE), (QueueHoldKind.BASE_DIRTY, 1)):
            detail = {"tip": "x", "reason": "main is being rebased in /r"}
            queue_holds.put(db, kind, StoryId(story), detail, actor="test", now=context.now())
    notify(context)
    assert delivered(context) == [["No story is merged", "Story 1 cannot land"]]
    (line,) = (context.project.root / "messages").read_text().splitlines()
    assert [notice["reason"] for notice in json.loads(line)["notices"]] == [
        "base_broken: the gates fail on the base branch itself",
        "base_dirty: main is being rebased in /r",
    ]


def test_an_exhausted_budget_and_a_limited_account_are_reported(context: Context) -> None:
    turn_on(context)
    rows = (
        ("budget_reached", {"budget": "budget.per_day_usd", "detail": "5.00 of 5.00 USD are used"}),
        ("account_limited", {"account": "codex gpt", "until": "2026-03-01T13:00:00.000Z", "detail": ""}),
    )
    with context.store.exclusive() as db:
        for event, detail in rows:
            kind, now = journal.JournalKind.QUEUE, context.now()
            journal.append(db, kind, event, actor="test", now=now, detail=detail)
    notify(context)
    assert delivered(context) == [
        ["The budget of the day is exhausted", "codex gpt is at its limit until 2026-03-01T13:00:00.000Z"]
    ]


def test_topics_that_are_not_configured_are_skipped(context: Context) -> None:
    turn_on(context)
    text = '[notify]\nevents = ["held"]\ncommand = ["./send"]\n'
    context.project.project_toml.write_text(text)
    context.forget_config()
    block(context)
    import_story(context.store, Coding())
    apply_to_story(context.store, 2, ReviewHeld("look"), now=context.now())
    notify(context)
    assert delivered(context) == [["Story 2 waits for a person"]]


def test_the_text_of_a_story_is_one_line_without_controls(context: Context) -> None:
    turn_on(context)
    block(context, "Fix $(it) <b>", "no\n\x1b[31mway\x1b[0m\u202e " + "x" * 400)
    notify(context)
    delivered(context)
    with context.store.reading() as db:
        (sent,) = notifications.recent(db)
    (notice,) = sent.message["notices"]
    assert (notice["title"], len(notice["reason"])) == ("Fix $(it) <b>", 300)
    assert notice["reason"].startswith("no way xxx")
    assert notice["command"] == "huskies unblock 1"


def test_ten_thousand_rows_are_one_message_of_twenty_notices(context: Context) -> None:
    turn_on(context)
    block(context)
    detail = {"reason": "why " * 1000}
    with context.store.exclusive() as db:
        for _ in range(10_000):
            journal.append(
                db,
                journal.JournalKind.TRANSITION,
                "block",
                actor="test",
                now=context.now(),
                story=StoryId(1),
                detail=detail,
            )
    assert notify(context) == ["notification 1: Story 1 is blocked, and 10000 more"]
    (sentences,) = delivered(context)
    with context.store.reading() as db:
        (sent,) = notifications.recent(db)
    assert (len(sentences), sent.message["more"]) == (20, 9_981)
    assert len(json.dumps(sent.message)) < 32_000


# the first channel


def test_events_before_the_first_channel_are_not_sent(context: Context) -> None:
    block(context)
    turn_on(context)
    before = notify(context)
    block(context)
    turn_off(context)
    block(context)
    turn_on(context)
    assert (before, notify(context), delivered(context)) == ([], [], [])


def test_without_a_channel_the_pass_writes_nothing(context: Context) -> None:
    pass_sequence.tick(context)
    block(context)
    ran = [report.name for report in pass_sequence.tick(context)]
    with context.store.reading() as db:
        assert (journal.find_cursor(db, "notify"), metadata.get(db, metadata.NOTIFY)) == (None, None)
    assert "notify" not in ran


def test_a_dry_run_prints_the_message_and_claims_nothing(context: Context) -> None:
    turn_on(context)
    block(context)
    (planned,) = run_pass(context, NOTIFY, dry_run=True).results
    assert (planned.step.verb.value, planned.detail) == ("send_notification", "Story 1 is blocked")
    assert (statuses(context), notify(context)) == ([], ["notification 1: Story 1 is blocked"])
    assert len(delivered(context)) == 1


# ticks


def settle(context: Context) -> None:
    for _ in range(4):
        pass_sequence.tick(context)


def test_a_tick_sends_the_message_and_is_not_due_again(context: Context) -> None:
    turn_on(context)
    block(context)
    due = is_due(str(context.project.state_dir))
    settle(context)
    assert delivered(context) == [["Story 1 is blocked"]]
    settle(context)
    assert (due, is_due(str(context.project.state_dir))) == (True, False)


def test_later_events_are_collected_until_batch_secs_have_passed(context: Context, clock: Clock) -> None:
    turn_on(context, "batch_secs = 300")
    block(context)
    settle(context)
    delivered(context)
    for _ in range(2):
        block(context)
        settle(context)
    soon, due = delivered(context), is_due(str(context.project.state_dir))
    clock.pass_by(seconds=301)
    settle(context)
    assert (soon, due) == ([["Story 1 is blocked"]], False)
    assert delivered(context) == [["Story 1 is blocked"], ["Story 2 is blocked", "Story 3 is blocked"]]


def test_waiting_events_make_a_tick_due_after_batch_secs(context: Context) -> None:
    turn_on(context)
    block(context)
    settle(context)
    delivered(context)
    block(context)
    settle(context)
    before = is_due(str(context.project.state_dir))
    with context.store.exclusive() as db:
        now = context.now()
        pass_times.record(db, "notify", last_at=now, due_at=now - timedelta(seconds=1))
    assert (before, is_due(str(context.project.state_dir))) == (False, True)


def test_a_clock_that_was_set_back_delays_no_message(context: Context, clock: Clock) -> None:
    turn_on(context)
    clock.pass_by(days=365)
    block(context)
    settle(context)
    assert delivered(context) == [["Story 1 is blocked"]]
    clock.pass_by(days=-365)
    settle(context)
    block(context)
    settle(context)
    clock.pass_by(seconds=61)
    settle(context)
    assert delivered(context) == [["Story 1 is blocked"], ["Story 2 is blocked"]]


def test_the_end_of_a_run_sends_the_message(context: Context) -> None:
    turn_on(context)
    block(context)
    pass_sequence.after_run(context)
    assert delivered(context) == [["Story 1 is blocked"]]


def test_the_end_of_a_run_with_a_broken_configuration_is_recorded_and_reports_the_error(
    context: Context,
) -> None:
    turn_on(context)
    block(context)
    context.project.project_toml.write_text("max_coder = 1\n")
    context.forget_config()
    failures = [report.failure.code for report in pass_sequence.after_run(context) if report.failure]
    assert set(failures) == {"config_error"}
    assert statuses(context) == []


# failures


def test_a_failed_channel_is_recorded_and_not_retried(context: Context) -> None:
    turn_on(context, 'webhook = "${HOOK}"', command="./nowhere")
    block(context)
    notify(context)
    assert delivered(context) == []
    with context.store.reading() as db:
        (notification,) = notifications.recent(db)
    assert (notification.status, notification.problem) == (
        NotificationStatus.FAILED,
        "command: ./nowhere cannot be run: No such file or directory; webhook: HOOK is not set in .huskies/env",
    )
    assert (queue_rows(context), notify(context)) == (["notification_failed"], [])


def test_a_claimed_but_unsent_message_is_interrupted_and_not_sent_again(context: Context) -> None:
    turn_on(context)
    block(context)
    settle_all_but_notify(context)
    claim_alone(context)
    due = is_due(str(context.project.state_dir))
    first, second = notify(context), notify(context)
    assert (due, first, second) == (True, ["notification 1 was interrupted"], [])
    assert (statuses(context), delivered(context)) == ([NotificationStatus.INTERRUPTED], [])
    assert queue_rows(context) == ["notification_interrupted"]


def settle_all_but_notify(context: Context) -> None:
    """Do everything else that a tick does, so that only notify makes the next one due."""
    with context.store.exclusive() as db:
        now = context.now()
        pass_times.record(db, "notify", last_at=now, due_at=now + timedelta(hours=1))
    settle(context)


def claim_alone(context: Context) -> None:
    """Leave a claim as a process does that dies before it starts the sending process."""
    (planned,) = run_pass(context, NOTIFY, dry_run=True).results
    with context.store.exclusive() as db:
        message = Message("shop", (Notice("blocked", "", planned.detail, ""),)).to_json()
        notifications.claim(db, message, now=context.now())
        journal.move_cursor(db, "notify", journal.head(db))


def test_a_process_that_cannot_be_started_is_a_failure(context: Context) -> None:
    turn_on(context)
    block(context)
    context.environ = {**context.environ, "HUGE": "x" * 1_000_000}
    (failed,) = run_pass(context, NOTIFY).results
    assert failed.detail.startswith(
        "the process that sends the message could not be started: [Errno 7] Argument list too long"
    )
    assert (statuses(context), notify(context)) == ([NotificationStatus.FAILED], [])


def test_two_processes_with_the_same_plan_send_a_message_once(context: Context) -> None:
    turn_on(context)
    block(context)
    assert len(run_pass(context, NOTIFY, dry_run=True).results) == 1
    outcomes = [one_of(lambda: apply(context, SendNotification(Verb.SEND_NOTIFICATION))) for _ in range(2)]
    assert outcomes == [
        "notification 1: Story 1 is blocked",
        "Overtaken: another process has sent the message",
    ]
    assert delivered(context) == [["Story 1 is blocked"]]


def one_of(act: Callable[[], str]) -> str:
    try:
        return act()
    except Overtaken as error:
        return f"Overtaken: {error.message}"


def test_a_config_that_changed_after_the_claim_is_a_failure(context: Context) -> None:
    """The sending process reads the configuration again."""
    turn_on(context)
    block(context)
    assert len(run_pass(context, NOTIFY, dry_run=True).results) == 1
    context.project.project_toml.write_text("# nobody\n")
    apply(context, SendNotification(Verb.SEND_NOTIFICATION))
    assert delivered(context) == []
    with context.store.reading() as db:
        (notification,) = notifications.recent(db)
    assert (notification.status, notification.problem) == (
        NotificationStatus.FAILED,
        "all: no channel is configured any more",
    )


def test_notifications_past_retention_are_removed(context: Context, clock: Clock) -> None:
    turn_on(context)
    block(context)
    notify(context)
    delivered(context)
    clock.pass_by(days=31)
    run_passes(context, [pass_sequence.PASSES["gc"]])
    assert statuses(context) == []
