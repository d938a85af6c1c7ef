"""The MCP server as a client of the official package meets it: a real process, right calls and wrong ones."""

import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import ClientSession, MCPError
from mcp.types import Tool

from huskies_cli.project_context import open_context
from huskies_core.operations import registry
from huskies_core.operations.schema import schema_of
from huskies_core.runs.own_program import LEAST_MCP
from support.cli import HUSKIES, run_huskies
from support.commands import Commands
from support.git_repository import GitRepository
from support.mcp_client import asked, call

pytestmark = pytest.mark.usefixtures("processes")


@pytest.fixture
def place(huskies: Commands, repository: GitRepository) -> Path:
    """A project with one story."""
    assert huskies("add", "Read a file", "-c", "it is read").exit_code == 0
    return repository.root


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "mcp.log"


def test_every_tool_is_there_with_its_schema_and_its_hints(place: Path, log: Path) -> None:
    async def questions(client: ClientSession) -> list[Tool]:
        return (await client.list_tools()).tools

    found = {tool.name: tool for tool in asked(place, questions, log=log)}
    assert list(found) == list(registry.tools())
    for name, tool in registry.tools().items():
        shown = found[name]
        assert (shown.description, shown.input_schema) == (tool.description, schema_of(tool))
        assert shown.annotations is not None
        assert shown.annotations.read_only_hint is not tool.writes


def test_what_is_wrong_is_an_answer_that_names_the_field(place: Path, log: Path) -> None:
    async def questions(client: ClientSession) -> list[Any]:
        wrong = [
            await call(client, "create_story", titel="x"),
            await call(client, "show_story", id="12"),
            await call(client, "show_story", id=99),
            await call(client, "unblock_story", id=1),
            await call(client, "show_stroy", id=1),
        ]
        right = await call(client, "show_story", id=1)
        return [*((one["error"]["code"], one["error"]["field"]) for one in wrong), right["title"]]

    assert asked(place, questions, log=log) == [
        ("usage", "titel"),
        ("usage", "id"),
        ("not_found", "99"),
        ("invalid_transition", "1"),
        ("usage", "show_stroy"),
        "Read a file",
    ]


def test_the_board_and_each_story_are_resources(place: Path, log: Path, huskies: Commands) -> None:
    async def questions(client: ClientSession) -> tuple[list[str], list[str], list[Any]]:
        listed = [str(one.uri) for one in (await client.list_resources()).resources]
        huskies("update", "1", "--title", "Another title")
        templates = [one.uri_template for one in (await client.list_resource_templates()).resource_templates]
        read = [await client.read_resource(uri) for uri in listed]
        with pytest.raises(MCPError) as missing:
            await client.read_resource("huskies://stories/7")
        with pytest.raises(MCPError) as unknown:
            await client.read_resource("huskies://nothing")
        texts = [json.loads(getattr(one.contents[0], "text", "")) for one in read]
        return listed, templates, [*texts, str(missing.value), str(unknown.value)]

    listed, templates, (board, story, missing, unknown) = asked(place, questions, log=log)
    assert (listed, templates) == (["huskies://board", "huskies://stories/1"], ["huskies://stories/{id}"])
    assert [one["id"] for one in board["stages"]["backlog"]] == [1]
    assert (story["id"], story["title"]) == (1, "Another title")
    assert ("not_found" in missing, "huskies://nothing" in unknown) == (True, True)


def test_long_calls_tell_how_far_they_are_and_keep_nobody_waiting(
    place: Path, log: Path, huskies: Commands
) -> None:
    """Two wait for the store, which is held here, while a short one is answered; let go, both are done."""
    huskies("add", "Another", "-c", "it is")
    huskies("abandon", "1", "2", "--reason", "later")
    done: list[str] = []
    told: set[str] = set()

    async def questions(client: ClientSession) -> None:
        async def reopen(story: int) -> None:
            async def hear(progress: float, total: float | None, message: str | None) -> None:
                assert (progress >= 0, total) == (True, None)
                told.add(f"{story}: {message}")

            answer = await client.call_tool("reopen_story", {"id": story}, progress_callback=hear)
            done.append(f"reopened {story}: {not answer.is_error}")

        with open_context(place) as context:
            async with anyio.create_task_group() as group:
                with context.store.exclusive():
                    group.start_soon(reopen, 1)
                    group.start_soon(reopen, 2)
                    while len(told) < 2:
                        await anyio.sleep(0.01)
                    await call(client, "list_stories")
                    done.append("listed")

    asked(place, questions, log=log)
    assert (done[0], sorted(done[1:])) == ("listed", ["reopened 1: True", "reopened 2: True"])
    assert told == {"1: reopen_story is at work", "2: reopen_story is at work"}


def test_however_many_long_calls_wait_a_short_one_is_answered(place: Path, log: Path) -> None:
    done: list[str] = []

    async def questions(client: ClientSession) -> None:
        heard: set[int] = set()

        async def reopen(number: int) -> None:
            async def hear(progress: float, total: float | None, message: str | None) -> None:
                assert (progress >= 0, total, message) == (True, None, "reopen_story is at work")
                heard.add(number)

            await client.call_tool("reopen_story", {"id": 1}, progress_callback=hear)
            done.append("reopened")

        with open_context(place) as context:
            async with anyio.create_task_group() as group:
                with context.store.exclusive():
                    for number in range(17):
                        group.start_soon(reopen, number)
                    while len(heard) < 17:
                        await anyio.sleep(0.01)
                    await call(client, "list_stories")
                    done.append("listed")

    asked(place, questions, log=log)
    assert (done[0], len(done)) == ("listed", 18)


def test_a_run_that_is_killed_twice_at_once_is_killed(place: Path, log: Path) -> None:
    """Both calls are threads of one process; neither breaks what the other writes."""
    agent = '[[agent]]\nname = "a"\nstage = "coder"\nruntime = "command"\ncommand = ["sleep", "300"]\n'
    (place / ".huskies" / "agents.toml").write_text(agent)

    async def questions(client: ClientSession) -> tuple[list[str], str]:
        await call(client, "start_agent", id=1)
        failed: list[str] = []

        async def kill() -> None:
            answer = await call(client, "kill_run", run=1)
            failed.extend([answer["error"]["code"]] if "error" in answer else [])

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(kill)
        ended = await call(client, "show_run", run=1)
        await call(client, "abandon_story", id=1, reason="enough")
        return failed, ended["outcome"]

    assert asked(place, questions, log=log) == ([], "crashed")


def serving(place: Path, log: Path) -> "subprocess.Popen[bytes]":
    """A server that has answered a ping."""
    with log.open("ab") as errors:
        server = subprocess.Popen(
            [sys.executable, str(HUSKIES), "mcp"],
            cwd=place,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    assert server.stdin is not None
    assert server.stdout is not None
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    server.stdin.write(json.dumps(request).encode() + b"\n")
    server.stdin.flush()
    assert json.loads(server.stdout.readline())["id"] == 1
    return server


def test_the_server_ends_when_its_client_goes(place: Path, log: Path) -> None:
    server = serving(place, log)
    rest, _ = server.communicate(timeout=20)
    assert (server.returncode, rest, log.read_text()) == (0, b"", "")


def test_a_signal_ends_the_server(place: Path, log: Path) -> None:
    server = serving(place, log)
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=20)
    assert (server.returncode, log.read_text()) == (-signal.SIGTERM, "")


def test_from_inside_a_run_the_same_is_refused(
    place: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSKIES_RUN_ID", "1")
    monkeypatch.setenv("HUSKIES_PROJECT", str(place))

    async def questions(client: ClientSession) -> list[str]:
        refused = [await call(client, "start_agent", id=1), await call(client, "freeze_story", id=1)]
        return [one["error"]["code"] for one in refused]

    assert asked(place, questions, log=log) == ["inside_a_run", "inside_a_run"]


def test_with_json_there_is_nothing_but_the_protocol_either(place: Path) -> None:
    assert run_huskies("--json", "mcp", cwd=place).outcome == (0, "", "")


def test_an_older_package_is_named_and_nothing_is_served(place: Path, tmp_path: Path) -> None:
    about = tmp_path / "older" / "mcp-1.30.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mcp\nVersion: 1.30.0\n")
    done = run_huskies("mcp", cwd=place, env={"PYTHONPATH": str(about.parent)})
    told = "huskies: the package mcp is too old: 1.30.0, not 2.3 or later\n"
    assert done.outcome == (1, "", f"{told}  Install it: pip install 'huskies[mcp]'.\n")


def test_the_least_version_is_that_of_the_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["mcp"] == [f"mcp>={'.'.join(map(str, LEAST_MCP))}"]


def test_outside_of_a_project_it_does_not_begin(outside: Commands) -> None:
    assert (outside("mcp").exit_code, outside("mcp", "--json").json()["errors"][0]["code"]) == (
        4,
        "no_project",
    )
