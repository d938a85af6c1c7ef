"""The relay as cron and watch run it: killed in a frame, with one connection, and with a silent gateway."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import start_huskies
from support.commands import Commands
from support.gateway import Gateway, answer_of, opened_gateway
from support.git_repository import GitRepository
from support.waiting import wait_until

TRANSITIONS = [("1", "coding"), ("1", "frozen"), ("1", "coding")]


@pytest.fixture
def gateway(huskies: Commands) -> Iterator[Gateway]:
    """Open the gateway of the project, and add a story with three transitions."""
    with opened_gateway() as gateway:
        assert huskies("config", "set", "gateway_url", gateway.url).exit_code == 0
        move(huskies)
        yield gateway


def move(huskies: Commands) -> None:
    huskies("add", "Fix", "--type", "bug", "--start")
    huskies("freeze", "1")
    huskies("unfreeze", "1")


def test_the_relay_prints_the_number_of_sent_events(huskies: Commands, gateway: Gateway) -> None:
    planned, sent = huskies("relay", "--dry-run").outcome, huskies("relay").outcome
    assert planned == (0, "send_events [planned]: 3 events\n", "")
    assert (sent, gateway.transitions) == ((0, "send_events: 3 events\n", ""), TRANSITIONS)


def test_a_failing_gateway_is_reported_once(huskies: Commands, gateway: Gateway) -> None:
    gateway.refuses_tokens = answer_of("500 Oops")
    failed, waiting = huskies("relay", "--json"), huskies("relay")
    assert (failed.exit_code, failed.json()["errors"][0]["code"], waiting.outcome) == (
        1,
        "gateway",
        (0, "", ""),
    )


def test_status_shows_a_gateway_only_while_it_is_unreachable(huskies: Commands, gateway: Gateway) -> None:
    gateway.refuses_tokens = answer_of("500 Oops")
    huskies("relay")
    result = huskies("status", "--json").data["limits"]["gateway"]
    shown = [line for line in huskies("status").stdout.splitlines() if line.startswith("gateway")]
    assert (result["failures"], result["waiting"]) == (1, 3)
    assert shown[0].startswith(f"{result['why']} (once); 3 unsent transitions; the next attempt is at ")
    assert (gateway.url in shown[0], "500" in result["why"]) == (False, True)
    gateway.refuses_tokens = b""
    wait_until(lambda: huskies("relay").stdout, 20)
    assert huskies("status", "--json").data["limits"]["gateway"] is None


@pytest.mark.usefixtures("processes")
def test_a_relay_killed_with_a_frame_in_flight_sends_it_again(
    huskies: Commands, gateway: Gateway, repository: GitRepository
) -> None:
    gateway.is_mute_at = {2}
    killed = start_huskies("relay", cwd=repository.root)
    wait_until(lambda: len(gateway.frames) == 2, 20)
    killed.kill()
    killed.communicate()
    again = huskies("relay").outcome
    assert (again, gateway.transitions) == (
        (0, "send_events: 2 events\n", ""),
        [*TRANSITIONS[:2], *TRANSITIONS[1:]],
    )


@pytest.mark.usefixtures("processes")
def test_watch_keeps_one_connection_and_the_next_watch_continues(
    huskies: Commands, gateway: Gateway, repository: GitRepository, tmp_path: Path
) -> None:
    first = start_huskies("watch", "--interval", "0.1", cwd=repository.root, log=tmp_path / "first")
    wait_until(lambda: len(gateway.transitions) >= 3, 30)
    huskies("abandon", "1", "--reason", "no")
    wait_until(lambda: len(gateway.transitions) >= 4, 30)
    first.kill()
    first.wait(10)
    lines = len(gateway.projects)
    huskies("reopen", "1")
    second = start_huskies("watch", "--interval", "0.1", cwd=repository.root, log=tmp_path / "second")
    wait_until(lambda: gateway.transitions[-1][1] == "backlog", 30)
    second.terminate()
    assert (second.wait(10), lines) == (0, 1)
    stages = [to for _, to in gateway.transitions]
    assert stages[-2:] == ["abandoned", "backlog"] or stages[-3:] == ["abandoned", "abandoned", "backlog"]


@pytest.mark.usefixtures("processes")
def test_a_gateway_that_never_answers_does_not_stop_watch(
    huskies: Commands, gateway: Gateway, repository: GitRepository, tmp_path: Path
) -> None:
    gateway.answers.clear()
    log = tmp_path / "log"
    process = start_huskies("watch", "--json", "--interval", "0.1", cwd=repository.root, log=log)

    def events() -> list[str]:
        return [str(json.loads(line).get("event")) for line in log.read_text().splitlines()]

    wait_until(lambda: gateway.requests, 30)
    huskies("abandon", "1", "--reason", "no")
    wait_until(lambda: "abandon" in events(), 4)
    process.terminate()
    assert process.wait(4) == 0
