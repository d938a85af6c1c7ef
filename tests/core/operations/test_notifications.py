"""Sending through all channels in parallel, and problems of this machine that prevent it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.channels.message import Channel, Message, channel_error
from huskies_core.context import Context
from huskies_core.doctor.installation import check_notify
from huskies_core.errors import HuskiesError
from huskies_core.ids import NotificationId
from huskies_core.operations.configuration import check_config
from huskies_core.operations.notifications import deliver, send_by, send_test
from huskies_core.store.notifications import Delivery
from support.contexts import Clock, opened
from support.messages import ONE
from support.webhooks import Webhook, opened_webhook


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with opened(tmp_path / "shop", Clock()) as context:
        yield context


@pytest.fixture
def server() -> Iterator[Webhook]:
    with opened_webhook() as server:
        yield server


def set_notify(context: Context, text: str) -> None:
    context.project.project_toml.write_text(f"[notify]\n{text}\n")
    context.forget_config()


def set_env(context: Context, text: str, mode: int = 0o600) -> None:
    context.project.env_file.write_text(text)
    context.project.env_file.chmod(mode)


def test_each_channel_is_tried_despite_failures_of_others() -> None:
    def refuse(_: Message) -> None:
        raise channel_error("the server answered 500")

    def break_down(_: Message) -> None:
        raise ValueError("https://host/secret")

    def take(_: Message) -> None:
        pass

    channels = [Channel("a", refuse), Channel("b", break_down), Channel("c", take)]
    assert send_by(channels, ONE) == (
        Delivery("a", "the server answered 500"),
        Delivery("b", "ValueError"),
        Delivery("c"),
    )


def test_a_channel_that_takes_too_long_is_abandoned() -> None:
    over = threading.Event()
    channels = [Channel("slow", lambda _: assert_waited(over)), Channel("quick", lambda _: None)]
    sent = send_by(channels, ONE, within=0.2)
    over.set()
    assert sent == (Delivery("slow", "it took longer than 0.2 s"), Delivery("quick"))


def assert_waited(over: threading.Event) -> None:
    assert over.wait(30)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_secrets_come_from_the_env_file(context: Context, server: Webhook) -> None:
    key, chat = '${KEY}"', '"json://127.0.0.1:${PORT}/x"'
    set_notify(context, f'webhook = "{server.url}?key={key}\napprise = [{chat}, "${{MISSING}}"]')
    set_env(context, f"KEY=abc\nPORT={server.port}\n")
    sent = send_test(context)
    assert sent == (
        Delivery("webhook"),
        Delivery("apprise 1 (json)"),
        Delivery("apprise 2", "MISSING is not set in .huskies/env"),
    )
    assert sorted(path for path, _ in server.requests) == ["/hook?key=abc", "/x"]


def test_an_env_file_that_others_can_read_is_not_used(context: Context, server: Webhook) -> None:
    set_notify(context, f'webhook = "{server.url}?${{KEY}}"')
    set_env(context, "KEY=abc\n", mode=0o644)
    (sent,) = send_test(context)
    assert ("can be read by others" in sent.problem, server.requests) == (True, [])


def test_without_a_channel_there_is_nothing_to_test(context: Context) -> None:
    with pytest.raises(HuskiesError) as caught:
        send_test(context)
    assert (caught.value.message, caught.value.code) == ("no notification channel is configured", "not_set")


def test_only_the_process_of_the_notification_sends(context: Context) -> None:
    with pytest.raises(HuskiesError) as caught:
        deliver(context, NotificationId(1))
    assert caught.value.code == "not_yours"


def faults(context: Context) -> list[str]:
    return [f"{problem.line} {problem.message}" for problem in check_config(context)]


def test_problems_that_prevent_notifications_are_found(context: Context, tmp_path: Path) -> None:
    context.environ = {"PATH": str(tmp_path)}
    set_notify(
        context,
        'desktop = true\ncommand = ["nowhere"]\nwebhook = "https://x/${HOOK}"\napprise = ["tgram://${A}/${B}"]',
    )
    set_env(context, "B=1\n")
    assert faults(context) == [
        "2 notify: notify-send is not on PATH",
        "3 notify: nowhere is not an executable program",
        "4 notify: HOOK is not set in .huskies/env",
        "5 notify: A is not set in .huskies/env",
    ]
    (check,) = check_notify(context)
    assert (check.name, check.problem) == ("notify", "notify-send is not on PATH")


def test_a_program_is_found_by_its_path_from_the_root(context: Context) -> None:
    program = context.project.root / "tell"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    set_notify(context, 'command = ["./tell"]')
    assert faults(context) == []


def test_a_table_that_sends_nothing_is_a_problem(context: Context) -> None:
    set_notify(context, 'events = ["done"]')
    assert faults(context) == ["1 notify: no notification can be sent"]
