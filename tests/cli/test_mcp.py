"""The MCP server as a process, with the client of the official package."""

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
from huskies_core.runs.programs import LEAST_MCP
from support.cli import HUSKIES, run_huskies
from support.commands import Commands
from support.contexts import agent_toml
from support.git_repository import GitRepository
from support.mcp_client import call, call_server

pytestmark = pytest.mark.usefixtures("processes")


@pytest.fixture
def project(huskies: Commands, repository: GitRepository) -> Path:
    """Return a project with one story."""
    assert huskies("add", "Read a file", "-c", "it is read").exit_code == 0
    return repository.root


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "mcp.log"


def test_each_operation_is_a_tool_with_its_schema_and_hints(project: Path, log: Path) -> None:
    async def questions(client: ClientSession) -> list[Tool]:
        return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in call_server(project, questions, log=log)}
    assert list(tools) == list(registry.tools())
    for name, tool in registry.tools().items():
        shown = tools[name]
        assert (shown.description, shown.input_schema) == (tool.description, schema_of(tool))
        assert shown.annotations is not None
        assert shown.annotations.read_only_hint is not tool.writes


def test_an_error_names_the_field(project: Path, log: Path) -> None:
    async def questions(client: ClientSession) -> list[Any]:
        errors = [
            await call(client, "create_story", titel="x"),
            await call(client, "show_story", id="12"),
            await call(client, "show_story", id=99),
            await call(client, "unblock_story", id=1),
            await call(client, "show_stroy", id=1),
        ]
        story = await call(client, "show_story", id=1)
        return [*((item["error"]["code"], item["error"]["field"]) for item in errors), story["title"]]

    assert call_server(project, questions, log=log) == [
        ("usage", "titel"),
        ("usage", "id"),
        ("not_found", "99"),
        ("invalid_transition", "1"),
        ("usage", "show_stroy"),
        "Read a file",
    ]


def test_the_board_and_each_story_are_resources(project: Path, log: Path, huskies: Commands) -> None:
    async def questions(client: ClientSession) -> tuple[list[str], list[str], list[Any]]:
        listed = [str(item.uri) for item in (await client.list_resources()).resources]
        huskies("update", "1", "--title", "Another title")
        templates = [
            item.uri_template for item in (await client.list_resource_templates()).resource_templates
        ]
        read = [await client.read_resource(uri) for uri in listed]
        with pytest.raises(MCPError) as missing:
            await client.read_resource("huskies://stories/7")
        with pytest.raises(MCPError) as unknown:
            await client.read_resource("huskies://nothing")
        texts = [json.loads(getattr(item.contents[0], "text", "")) for item in read]
        return listed, templates, [*texts, str(missing.value), str(unknown.value)]

    listed, templates, (board, story, missing, unknown) = call_server(project, questions, log=log)
    assert (listed, templates) == (["huskies://board", "huskies://stories/1"], ["huskies://stories/{id}"])
    assert [item["id"] for item in board["stages"]["backlog"]] == [1]
    assert (story["id"], story["title"]) == (1, "Another title")
    assert ("not_found" in missing, "huskies://nothing" in unknown) == (True, True)


def test_long_calls_report_progress_and_delay_no_other_call(
    project: Path, log: Path, huskies: Commands
) -> None:
    """Two calls wait for the lock of the store, which the test has, while a short call is answered."""
    huskies("add", "Another", "-c", "it is")
    huskies("abandon", "1", "2", "--reason", "later")
    done: list[str] = []
    messages: set[str] = set()

    async def questions(client: ClientSession) -> None:
        async def reopen(story: int) -> None:
            async def report(progress: float, total: float | None, message: str | None) -> None:
                assert (progress >= 0, total) == (True, None)
                messages.add(f"{story}: {message}")

            answer = await client.call_tool("reopen_story", {"id": story}, progress_callback=report)
            done.append(f"reopened {story}: {not answer.is_error}")

        with open_context(project) as context:
            async with anyio.create_task_group() as group:
                with context.store.exclusive():
                    group.start_soon(reopen, 1)
                    group.start_soon(reopen, 2)
                    while len(messages) < 2:
                        await anyio.sleep(0.01)
                    await call(client, "list_stories")
                    done.append("listed")

    call_server(project, questions, log=log)
    assert (done[0], sorted(done[1:])) == ("listed", ["reopened 1: True", "reopened 2: True"])
    assert messages == {"1: reopen_story is running", "2: reopen_story is running"}


def test_many_waiting_long_calls_do_not_delay_a_short_call(project: Path, log: Path) -> None:
    done: list[str] = []

    async def questions(client: ClientSession) -> None:
        reported: set[int] = set()

        async def reopen(number: int) -> None:
            async def report(progress: float, total: float | None, message: str | None) -> None:
                assert (progress >= 0, total, message) == (True, None, "reopen_story is running")
                reported.add(number)

            await client.call_tool("reopen_story", {"id": 1}, progress_callback=report)
            done.append("reopened")

        with open_context(project) as context:
            async with anyio.create_task_group() as group:
                with context.store.exclusive():
                    for number in range(17):
                        group.start_soon(reopen, number)
                    while len(reported) < 17:
                        await anyio.sleep(0.01)
                    await call(client, "list_stories")
                    done.append("listed")

    call_server(project, questions, log=log)
    assert (done[0], len(done)) == ("listed", 18)


def test_several_calls_at_once_can_kill_one_run(project: Path, log: Path) -> None:
    """The calls are threads of one process and write the same files."""
    agent = agent_toml("a", command=("sleep", "300"))
    (project / ".huskies" / "agents.toml").write_text(agent)

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

    assert call_server(project, questions, log=log) == ([], "crashed")


def start_server(project: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Start a server and wait until it answers."""
    with log.open("ab") as errors:
        server = subprocess.Popen(
            [sys.executable, str(HUSKIES), "mcp"],
            cwd=project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    assert server.stdin is not None
    assert server.stdout is not None
    parameters = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters}
    server.stdin.write(json.dumps(request).encode() + b"\n")
    server.stdin.flush()
    assert json.loads(server.stdout.readline())["id"] == 1
    return server


def test_the_server_ends_when_the_client_closes_its_input(project: Path, log: Path) -> None:
    server = start_server(project, log)
    rest, _ = server.communicate(timeout=20)
    assert (server.returncode, rest, log.read_text()) == (0, b"", "")


def test_the_server_answers_each_request_before_it_ends(project: Path, log: Path) -> None:
    """All requests are in the input when the client closes it, and a cancelled one has no answer."""
    server = start_server(project, log)
    calls = [("pipeline_status", {}), *(("show_story", {"id": 1}) for _ in range(20)), ("show_stroy", {})]
    requests = [
        {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {"name": name, "arguments": arguments},
        }
        for number, (name, arguments) in enumerate(calls, start=2)
    ]
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}
    lines = [json.dumps(request) for request in [*requests, cancel]]
    written, _ = server.communicate("".join(f"{line}\n" for line in lines).encode(), timeout=20)
    answers = {answer["id"]: answer["result"]["isError"] for answer in map(json.loads, written.splitlines())}
    assert (server.returncode, log.read_text()) == (0, "")
    assert {number: answers.get(number) for number in range(3, 24)} == {
        **dict.fromkeys(range(3, 23), False),
        23: True,
    }


def message(method: str, number: object = None, **params: object) -> bytes:
    """Return the line of a request, or of a notification if it has no number."""
    head = {"jsonrpc": "2.0"} | ({} if number is None else {"id": number})
    return json.dumps({**head, "method": method, "params": params}).encode() + b"\n"


def test_a_cancellation_without_a_known_request_is_ignored(project: Path, log: Path) -> None:
    server = start_server(project, log)
    numbers = ([5], {"id": 5}, True, 1.5, None, "unknown", 99)
    lines = [message("notifications/cancelled", requestId=number) for number in numbers]
    written, _ = server.communicate(b"".join((*lines, message("ping", 2))), timeout=20)
    assert (server.returncode, "bug" in log.read_text()) == (0, False)
    assert [json.loads(line) for line in written.splitlines()] == [{"jsonrpc": "2.0", "id": 2, "result": {}}]


def test_a_cancelled_request_does_not_delay_the_end(project: Path, log: Path) -> None:
    """The ids of a request and of its cancellation may differ in their type."""
    server = start_server(project, log)
    ids: list[tuple[object, object]] = [(5, 5), (6, "6"), ("7", 7), ("8", "8"), ("09", 9), ("a", "a")]
    lines = [
        message("tools/call", number, name="show_story", arguments={"id": 1})
        + message("notifications/cancelled", requestId=cancelled)
        for number, cancelled in ids
    ]
    server.communicate(b"".join(lines), timeout=20)
    assert (server.returncode, log.read_text()) == (0, "")


def test_requests_with_the_same_id_are_both_answered(project: Path, log: Path) -> None:
    server = start_server(project, log)
    line = message("tools/call", 5, name="show_story", arguments={"id": 1})
    written, _ = server.communicate(line + line, timeout=20)
    assert (server.returncode, len(written.splitlines()), log.read_text()) == (0, 2, "")


@pytest.mark.parametrize(
    "line",
    [message("ping", 5), message("tools/call", 5, name="show_story", arguments={"id": 1})],
    ids=["ping", "call"],
)
def test_the_server_ends_when_the_client_closes_its_output(project: Path, log: Path, line: bytes) -> None:
    """The client keeps the input open."""
    server = start_server(project, log)
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdout.close()
    server.stdin.write(line)
    server.stdin.flush()
    assert (server.wait(timeout=20), log.read_text()) == (0, "")
    server.stdin.close()


def test_a_signal_ends_the_server(project: Path, log: Path) -> None:
    server = start_server(project, log)
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=20)
    assert (server.returncode, log.read_text()) == (-signal.SIGTERM, "")


def test_a_server_inside_a_run_refuses_what_a_run_may_not_do(
    project: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSKIES_RUN_ID", "1")
    monkeypatch.setenv("HUSKIES_PROJECT", str(project))

    async def questions(client: ClientSession) -> list[str]:
        refused = [await call(client, "start_agent", id=1), await call(client, "freeze_story", id=1)]
        return [item["error"]["code"] for item in refused]

    assert call_server(project, questions, log=log) == ["inside_a_run", "inside_a_run"]


def test_json_adds_nothing_to_the_protocol(project: Path) -> None:
    assert run_huskies("--json", "mcp", cwd=project).outcome == (0, "", "")


def test_an_older_mcp_package_is_an_error(project: Path, tmp_path: Path) -> None:
    about = tmp_path / "older" / "mcp-1.30.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mcp\nVersion: 1.30.0\n")
    done = run_huskies("mcp", cwd=project, env={"PYTHONPATH": str(about.parent)})
    message = "huskies: the package mcp is too old: 1.30.0, not 2.3 or later\n"
    assert done.outcome == (1, "", f"{message}  Install it: pip install 'huskies[mcp]'.\n")


def test_the_least_version_of_mcp_is_that_of_the_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["mcp"] == [f"mcp>={'.'.join(map(str, LEAST_MCP))}"]


def test_the_server_does_not_start_outside_a_project(outside: Commands) -> None:
    assert (outside("mcp").exit_code, outside("mcp", "--json").json()["errors"][0]["code"]) == (
        4,
        "no_project",
    )
