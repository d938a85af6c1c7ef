"""The steps of the README in a new repository have the results that it shows."""

import re
import shlex
from pathlib import Path

import pytest

from support.cli import HUSKIES, run_huskies
from support.git_repository import GitRepository
from support.screen import Screen

pytestmark = pytest.mark.system

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
STEPS = README.partition("## In your own repository")[2].partition("\n## ")[0]


def blocks(kind: str) -> list[str]:
    """Return the fenced blocks of a kind without their indentation."""
    texts = re.findall(rf"^ *```{kind}\n(.*?)^ *```", STEPS, re.MULTILINE | re.DOTALL)
    return [re.sub("^   ", "", text, flags=re.MULTILINE) for text in texts]


def typed(name: str) -> list[list[str]]:
    """Return the command lines of a program after a prompt, in order."""
    lines = re.findall(rf"^ *\$ ({name} .+)$", STEPS, re.MULTILINE)
    return [shlex.split(line)[1:] for line in lines]


def test_the_first_story_of_the_readme_is_merged(repository: GitRepository) -> None:
    assert run_huskies("init", cwd=repository.root).exit_code == 0
    agents, gates = blocks("toml")
    for name, text in (("agents.toml", agents), ("project.toml", gates)):
        with (repository.root / ".huskies" / name).open("a") as file:
            file.write(text)
    repository.commit_all("Set up huskies")
    add, watch, history = typed("huskies")
    assert run_huskies(*add, cwd=repository.root).outcome[:2] == (0, "1\n")
    with Screen([str(HUSKIES), *watch], repository.root, {}) as screen:
        screen.wait_for_text("merge → done merge_succeeded", 90)
        screen.type("q")
        assert screen.wait_for_end() == 0
    transitions = [line.split(" ", 1)[1].rpartition(" ")[0] for line in shown_after("$ huskies history 1")]
    lived = run_huskies(*history, cwd=repository.root).stdout.splitlines()
    assert [line.split(" ", 1)[1].rpartition(" ")[0] for line in lived] == transitions
    subject = repository.git("log", "--oneline", "-1").partition(" ")[2]
    assert [subject] == [line.partition(" ")[2] for line in shown_after("$ git log --oneline -1")]


def shown_after(command: str) -> list[str]:
    """Return the lines below a command in the README."""
    below = STEPS.partition(command)[2].splitlines()[1:]
    return [
        line.strip()
        for line in below[: next(n for n, line in enumerate(below) if "$" in line or "```" in line)]
    ]
