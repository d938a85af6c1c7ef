"""MCP clients: one takes a story through the pipeline, and the client of Claude Code finds the tools."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import ClientSession

from support.clients import claude_variables, installed
from support.mcp_client import call, call_server
from support.model_server import Answer, Question, model_server
from system.project import Pipeline

pytestmark = pytest.mark.system


def test_a_client_adds_a_story_and_follows_it_until_done(pipeline: Pipeline, tmp_path: Path) -> None:
    async def questions(client: ClientSession) -> tuple[list[str], dict[str, Any]]:
        story = (await call(client, "create_story", title="Greet", criteria=["it greets"]))["id"]
        await call(client, "start_agent", id=story)
        stages: list[str] = []
        while stages[-1:] != ["done"]:
            stage = (await call(client, "show_story", id=story))["stage"]
            stages += [stage] if stages[-1:] != [stage] else []
            await anyio.sleep(0.05)
        board = json.loads(getattr((await client.read_resource("huskies://board")).contents[0], "text", ""))
        assert board["counts"]["done"] == 1
        return stages, await call(client, "get_output", id=story, run=1)

    stages, output = call_server(pipeline.root, questions, log=tmp_path / "mcp.log")
    assert [stage for stage in stages if stage in ("coding", "done")] == ["coding", "done"]
    assert (output["whole"], output["run"]["outcome"]) == (True, "completed")


def test_claude_code_finds_the_tools_by_the_file_of_config_mcp(pipeline: Pipeline) -> None:
    """Claude Code calls a tool and gets its result."""
    claude = installed("claude")
    questions: list[Question] = []

    def model(call_server: Question) -> Answer:
        questions.append(call_server)
        if '"id"' in call_server.last and call_server.is_result:
            return Answer("Added.")
        # The client calls its model before the server is ready, so the model repeats the call.
        story = {"title": "From afar", "criteria": ["it is"]}
        return Answer("I add it.", "mcp__huskies__create_story", story, pause=0.5 * call_server.is_result)

    assert pipeline.huskies("config", "mcp").exit_code == 0
    tools = "--allowedTools=mcp__huskies__create_story"
    with model_server(model) as address:
        done = subprocess.run(
            [claude, "-p", "--output-format=json", "--mcp-config=.mcp.json", "--strict-mcp-config", tools],
            cwd=pipeline.root,
            env={**os.environ, **claude_variables(address)},
            input="Add a story.",
            capture_output=True,
            text=True,
            timeout=90,
        )
    assert (done.returncode, json.loads(done.stdout)["result"]) == (0, "Added."), done.stderr
    # The client appends a remark about a late server to the answer.
    answer, _ = json.JSONDecoder().raw_decode(questions[-1].last)
    assert ("mcp__huskies__explain" in questions[-1].tools, answer["id"]) == (True, 1)
    assert pipeline.story(1).draft.title == "From afar"
