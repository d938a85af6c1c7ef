"""Notifications are sent at most once, with several ticks at once and after a kill at any effect."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cli import start_huskies
from support.waiting import wait_until
from support.webhooks import Webhook, opened_webhook
from system.killing import MortalPython, Ordered
from system.project import MakePipeline, Pipeline, Team

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

MOST_EFFECTS = 60
SEND = """#!/bin/sh
cat >> "$(dirname "$0")/sent"
echo >> "$(dirname "$0")/sent"
"""


@pytest.fixture
def server() -> Iterator[Webhook]:
    with opened_webhook() as server:
        yield server


def make(make_pipeline: MakePipeline, way: str) -> Pipeline:
    """Return a project with a story that does not start, and notifications for blocked stories."""
    settings = f'[notify]\nevents = ["blocked"]\nbatch_secs = 0\n{way}\n'
    pipeline = make_pipeline(team=Team(coder=0, qa=1), settings=settings, gates={})
    pipeline.add(start=False)
    pipeline.huskies("tick")
    return pipeline


def block(pipeline: Pipeline, reason: str) -> None:
    assert pipeline.call("block", "1", "--reason", reason).exit_code == 0
    assert pipeline.call("unblock", "1").exit_code == 0


def notifications(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return the notifications, the latest last."""
    notices = pipeline.call("notify", "--list", "--json").data["notifications"]
    assert isinstance(notices, list)
    return notices[::-1]


def reasons(message: dict[str, Any]) -> list[str]:
    return [str(notice["reason"]) for notice in message["notices"]]


def tick_until_settled(pipeline: Pipeline) -> None:
    def settled() -> bool:
        ticked = pipeline.huskies("tick")
        assert "Traceback" not in ticked.stderr, ticked
        return all(notice["status"] != "open" for notice in notifications(pipeline))

    pipeline.wait_until(settled, 60, what="the end of all that is sent", every=0.2)


@pytest.mark.parametrize("victim", ["notify", "deliver"])
def test_a_notification_killed_at_any_effect_is_sent_at_most_once_and_listed(
    make_pipeline: MakePipeline, tmp_path: Path, victim: str
) -> None:
    command, sent = tmp_path / "command", tmp_path / "sent"
    command.write_text(SEND)
    command.chmod(0o755)
    pipeline = make(make_pipeline, f'command = ["{command}"]')
    mortal = MortalPython(tmp_path.resolve() / "python", pipeline.root)
    interrupted = 0
    for at in range(1, MOST_EFFECTS):
        block(pipeline, f"killed at {at}")
        order = mortal.order(victim, at=at)
        mortal.huskies("notify")
        wait_until(order_taken(order), 20)
        tick_until_settled(pipeline)
        claims = [notice for notice in notifications(pipeline) if f"killed at {at}" in reasons(notice)]
        got = Counter(reason for line in lines_of(sent) for reason in reasons(line))[f"killed at {at}"]
        (status,) = [str(notice["status"]) for notice in claims]
        assert (got, status) in ((1, "sent"), (0, "interrupted"), (1, "interrupted")), order.effects
        interrupted += status == "interrupted"
        if len(order.effects) < at:
            break
    else:
        pytest.fail(f"{victim} has more than {MOST_EFFECTS} effects")
    listed = pipeline.huskies("status", "--json").data["limits"]["undelivered"]
    assert (interrupted > 0, [notice["status"] for notice in listed]) == (True, ["interrupted"] * interrupted)


def order_taken(order: Ordered) -> Callable[[], bool]:
    return lambda: order.is_taken


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_eight_ticks_at_once_send_one_notification(make_pipeline: MakePipeline, server: Webhook) -> None:
    pipeline = make(make_pipeline, f'webhook = "{server.url}"')
    block(pipeline, "why")
    racing = [start_huskies(name, cwd=pipeline.root) for name in ("tick", "notify") * 4]
    outputs = [process.communicate(timeout=60)[0] for process in racing]
    tick_until_settled(pipeline)
    assert [reasons(one) for one in server.received] == [["why"]], outputs


def test_a_webhook_without_an_answer_delays_neither_tick_nor_watch(
    make_pipeline: MakePipeline, server: Webhook, tmp_path: Path
) -> None:
    server.answers.clear()
    pipeline = make(make_pipeline, f'webhook = "{server.url}"')
    block(pipeline, "first")
    ticked = pipeline.huskies("tick")
    wait_until(lambda: server.received, 30)
    watch = start_huskies("watch", "--interval", "0.2", cwd=pipeline.root, log=tmp_path / "log")
    block(pipeline, "second")
    wait_until(lambda: len(server.received) == 2, 30)
    watch.terminate()
    watch.wait(20)
    open_still = [notice["status"] for notice in notifications(pipeline)]
    server.answers.set()
    tick_until_settled(pipeline)
    assert ("send_notification" in ticked.stdout, open_still) == (True, ["open", "open"])
    assert [reasons(one) for one in server.received] == [["first"], ["second"]]
    assert [notice["status"] for notice in notifications(pipeline)] == ["sent", "sent"]
