"""Notifications: the pass, its test, its list and the board."""

from collections.abc import Iterator

import pytest

from support.commands import Commands
from support.git_repository import GitRepository
from support.waiting import wait_until
from support.webhooks import Webhook, opened_webhook


@pytest.fixture
def server() -> Iterator[Webhook]:
    with opened_webhook() as server:
        yield server


@pytest.fixture
def notifying(huskies: Commands, server: Webhook) -> Commands:
    """Open a project that posts to the server, with a story in coding."""
    assert huskies("config", "set", "notify.webhook", server.url).exit_code == 0
    huskies("notify")
    huskies("add", "Fix", "--type", "bug", "--start")
    return huskies


def listed(huskies: Commands) -> list[dict[str, object]]:
    notifications = huskies("notify", "--list", "--json").data["notifications"]
    assert isinstance(notifications, list)
    return notifications


def statuses(huskies: Commands) -> list[object]:
    return [item["status"] for item in listed(huskies)]


def test_notify_prints_and_lists_the_notifications_that_it_sends(
    notifying: Commands, server: Webhook, repository: GitRepository
) -> None:
    notifying("block", "1", "--reason", "which colour?")
    planned, sent, again = notifying("notify", "--dry-run"), notifying("notify"), notifying("notify")
    assert planned.outcome == (0, "send_notification [planned]: Story 1 is blocked\n", "")
    assert sent.outcome == (0, "send_notification: notification 1: Story 1 is blocked\n", "")
    assert again.outcome == (0, "", "")
    wait_until(lambda: statuses(notifying) == ["sent"], 30)
    (one,) = listed(notifying)
    result = f"{repository.root.name}: Story 1 is blocked"
    assert (one["id"], one["title"], one["channels"]) == (
        1,
        result,
        [{"channel": "webhook", "ok": True, "problem": ""}],
    )
    assert server.texts == [f"{result}\nFix (which colour?)\nhuskies unblock 1"]
    assert notifying("notify", "--list").stdout.splitlines()[1].endswith(f"sent    {result}")


def test_status_shows_failed_notifications(notifying: Commands, server: Webhook) -> None:
    server.status = 500
    notifying("block", "1", "--reason", "why")
    notifying("notify")
    wait_until(lambda: statuses(notifying) == ["failed"], 30)
    (result,) = notifying("status", "--json").data["limits"]["undelivered"]
    assert (result["notification"], result["status"], result["detail"]) == (
        1,
        "failed",
        "webhook: the server answered 500",
    )
    shown = notifying("status").stdout.splitlines()
    assert "notification 1 failed: webhook: the server answered 500; see huskies notify --list" in shown, (
        shown
    )


def test_a_test_reports_each_channel_and_fails_if_one_fails(
    notifying: Commands, server: Webhook, repository: GitRepository
) -> None:
    succeeded = notifying("notify", "--test")
    notifying("config", "set", "notify.command", '["false"]')
    partly = notifying("notify", "--test")
    assert succeeded.outcome == (0, "webhook: sent\n", "")
    assert partly.outcome == (1, "webhook: sent\n", "huskies: command: false exited with 1\n")
    assert server.texts == [f"{repository.root.name}: This is a test\nhuskies status"] * 2
    assert listed(notifying) == []


def test_exclusive_flags_are_refused(huskies: Commands) -> None:
    assert huskies("notify", "--test", "--list").exit_code == 2


def test_only_the_process_of_the_notification_sends_it(notifying: Commands, server: Webhook) -> None:
    assert (notifying("deliver", "1").exit_code, server.requests) == (1, [])
