"""What people see of being told: the pass, its test, its list and the board."""

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
def telling(huskies: Commands, server: Webhook) -> Commands:
    """Open a project that posts to the server, with a story in coding."""
    assert huskies("config", "set", "notify.webhook", server.url).exit_code == 0
    huskies("notify")
    huskies("add", "Fix", "--type", "bug", "--start")
    return huskies


def listed(huskies: Commands) -> list[dict[str, object]]:
    found = huskies("notify", "--list", "--json").data["notifications"]
    assert isinstance(found, list)
    return found


def statuses(huskies: Commands) -> list[object]:
    return [one["status"] for one in listed(huskies)]


def test_notify_tells_what_it_sends_and_the_list_has_it(
    telling: Commands, server: Webhook, repository: GitRepository
) -> None:
    telling("block", "1", "--reason", "which colour?")
    planned, sent, again = telling("notify", "--dry-run"), telling("notify"), telling("notify")
    assert planned.outcome == (0, "send_notification [planned]: Story 1 is blocked\n", "")
    assert sent.outcome == (0, "send_notification: notification 1: Story 1 is blocked\n", "")
    assert again.outcome == (0, "", "")
    wait_until(lambda: statuses(telling) == ["sent"], 30)
    (one,) = listed(telling)
    told = f"{repository.root.name}: Story 1 is blocked"
    assert (one["id"], one["title"], one["channels"]) == (
        1,
        told,
        [{"channel": "webhook", "ok": True, "problem": ""}],
    )
    assert server.texts == [f"{told}\nFix (which colour?)\nhuskies unblock 1"]
    assert telling("notify", "--list").stdout.splitlines()[1].endswith(f"sent    {told}")


def test_status_tells_of_what_did_not_get_through(telling: Commands, server: Webhook) -> None:
    server.status = 500
    telling("block", "1", "--reason", "why")
    telling("notify")
    wait_until(lambda: statuses(telling) == ["failed"], 30)
    (told,) = telling("status", "--json").data["limits"]["undelivered"]
    assert (told["notification"], told["status"], told["detail"]) == (
        1,
        "failed",
        "webhook: it answered 500",
    )
    shown = telling("status").stdout.splitlines()
    assert "notification 1 failed: webhook: it answered 500; see huskies notify --list" in shown, shown


def test_a_test_tells_of_each_channel_and_fails_when_one_does(
    telling: Commands, server: Webhook, repository: GitRepository
) -> None:
    well = telling("notify", "--test")
    telling("config", "set", "notify.command", '["false"]')
    partly = telling("notify", "--test")
    assert well.outcome == (0, "webhook: sent\n", "")
    assert partly.outcome == (1, "webhook: sent\n", "huskies: command: false exited with 1\n")
    assert server.texts == [f"{repository.root.name}: This is a test\nhuskies status"] * 2
    assert listed(telling) == []


def test_two_things_at_once_are_refused(huskies: Commands) -> None:
    assert huskies("notify", "--test", "--list").exit_code == 2


def test_who_was_not_started_for_it_delivers_nothing(telling: Commands, server: Webhook) -> None:
    assert (telling("deliver", "1").exit_code, server.asked) == (1, [])
