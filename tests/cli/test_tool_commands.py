"""`tool list` and `tool call`."""

import json

import pytest

from huskies_core.operations import registry
from support.commands import Commands
from support.git_repository import GitRepository

STORY = '{"title": "Show the board", "criteria": ["It is shown"]}'


def test_tools_are_listed_with_their_arguments(outside: Commands) -> None:
    listed = outside("tool", "list")
    assert (listed.exit_code, listed.stderr) == (0, "")
    assert listed.stdout.splitlines()[4:6] == [
        "check_criterion id number (checked)",
        "    Mark an acceptance criterion of a story as met, or as open again.",
    ]


def test_tools_are_listed_with_their_schemas(outside: Commands) -> None:
    listed = outside("tool", "list", "--json").data["tools"]
    assert [tool["name"] for tool in listed] == list(registry.tools())
    assert next(tool for tool in listed if tool["name"] == "reopen_story") == {
        "name": "reopen_story",
        "help": "Put a finished story back into the backlog. "
        "The story waits there until you start it, and then gets a new branch.",
        "writes": True,
        "long": True,
        "arguments": {
            "type": "object",
            "properties": {"id": {"type": "integer", "minimum": 1, "description": "The story's id."}},
            "required": ["id"],
            "additionalProperties": False,
        },
    }


def test_a_tool_answers_in_json(huskies: Commands) -> None:
    assert huskies("tool", "call", "create_story", STORY).outcome == (
        0,
        '{\n  "id": 1,\n  "stage": "backlog"\n}\n',
        "",
    )
    assert huskies("tool", "call", "list_agents").outcome == (0, '{\n  "agents": []\n}\n', "")


def test_arguments_are_read_from_stdin(huskies: Commands) -> None:
    assert huskies("tool", "call", "create_story", "-", "--json", stdin=STORY.encode()).data["id"] == 1


@pytest.mark.parametrize(
    ("tool", "command"),
    [
        ('show_story {"id": 1}', "show 1"),
        ("list_stories {}", "list"),
        ('explain {"id": 1}', "explain 1"),
        ("history {}", "history"),
        ("list_agents {}", "agent list"),
        ("list_worktrees {}", "worktree list"),
        ("list_rescues {}", "rescue list"),
    ],
)
def test_a_tool_has_the_error_of_its_command(huskies: Commands, tool: str, command: str) -> None:
    huskies("add", "Show the board", "-c", "It is shown", "--start")
    name, _, arguments = tool.partition(" ")
    called = huskies("tool", "call", name, arguments)
    assert json.loads(called.stdout) == huskies(*command.split(), "--json").data


@pytest.mark.parametrize(
    ("arguments", "stdin", "result"),
    [
        (("create_story", '{"titel": "x"}'), b"", "create_story takes no titel\n  Did you mean title?"),
        (("create_stroy", "{}"), b"", "there is no tool create_stroy\n  Did you mean create_story?"),
        (("show_story", "[1]"), b"", 'the arguments are not a JSON object\n  Such as: {"id": 12}'),
        (("show_story", "-"), b"\xff", "stdin is not text in UTF-8"),
    ],
)
def test_wrong_arguments_are_wrong_usage(
    huskies: Commands, arguments: tuple[str, ...], stdin: bytes, result: str
) -> None:
    assert huskies("tool", "call", *arguments, stdin=stdin).outcome == (2, "", f"huskies: {result}\n")


def test_a_refusal_has_the_envelope_of_every_command(huskies: Commands) -> None:
    refused = huskies("tool", "call", "block_story", '{"id": 7, "reason": "no"}', "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["errors"][0]["code"]) == (1, "not_found")


def test_an_agent_is_refused_as_by_the_command(
    huskies: Commands, monkeypatch: pytest.MonkeyPatch, repository: GitRepository
) -> None:
    huskies("tool", "call", "create_story", STORY)
    monkeypatch.setenv("HUSKIES_RUN_ID", "1")
    monkeypatch.setenv("HUSKIES_PROJECT", str(repository.root))
    inside = [huskies("tool", "call", "freeze_story", '{"id": 1}'), huskies("freeze", "1")]
    assert inside[0].outcome == inside[1].outcome
    assert inside[0].exit_code == 1
