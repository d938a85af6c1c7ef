"""The commands in prompts exist, and the agent may call them in its run."""

import json
import re
import shlex
from importlib import resources

import pytest

from huskies_cli.project_context import open_context
from huskies_core.ids import StoryId
from huskies_core.runs.prompts import _CONTINUE, _ENDINGS
from huskies_core.scheduler.retry_rules import VERDICT_NUDGE
from huskies_core.store import runs, stories
from huskies_core.store.runs import RunClaim, RunKind
from support.commands import Commands
from support.git_repository import GitRepository

_COMMAND = re.compile(r"`huskies ([^`]+)`")
NUDGES = {RunKind.QA: VERDICT_NUDGE}
REFUSALS = {"", "unresolved", "unchecked_criteria"}
"""Errors of commands only because the run has not done its work."""


def prompted(kind: RunKind) -> list[list[str]]:
    """Return the commands in the prompts of that kind of run, for story 1 and its first criterion."""
    template = (resources.files("huskies_core.runs") / "templates" / f"{kind.value}.md").read_text()
    text = "\n".join([template, _CONTINUE, _ENDINGS.get(kind, ""), NUDGES.get(kind, "")])
    filled = re.sub(r"\{\{story_id\}\}|\$HUSKIES_STORY_ID|\bN\b", "1", text)
    return [shlex.split(command) for command in dict.fromkeys(_COMMAND.findall(filled))]


@pytest.mark.parametrize("kind", [RunKind.CODER, RunKind.QA, RunKind.MERGEMASTER, RunKind.OTHER])
def test_an_agent_can_call_every_command_in_its_prompt(
    huskies: Commands, repository: GitRepository, monkeypatch: pytest.MonkeyPatch, kind: RunKind
) -> None:
    huskies("add", "a story", "--criterion", "it works", "--start")
    with open_context(repository.root, actor="test") as context, context.store.exclusive() as db:
        visit = stories.load(db, StoryId(1)).visit
        run = runs.claim(db, RunClaim(StoryId(1), kind, visit, agent="a"), actor="test", now=context.now())
    monkeypatch.setenv("HUSKIES_RUN_ID", str(run.id))
    monkeypatch.setenv("HUSKIES_PROJECT", str(repository.root))
    commands = prompted(kind)
    codes = {tuple(command): code_of(huskies, command) for command in commands}
    assert commands
    assert {command: code for command, code in codes.items() if code not in REFUSALS} == {}


def code_of(huskies: Commands, command: list[str]) -> str:
    """Return the error code of the command, or an empty text."""
    errors = json.loads(huskies("--json", *command).stdout)["errors"]
    return str(errors[0]["code"]) if errors else ""
