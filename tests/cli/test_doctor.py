"""`doctor`: what is well, what is not, and what helps."""

import sqlite3

import pytest

from support.commands import Commands
from support.git_repository import GitRepository

AGENTS = """
[[agent]]
name = "ann"
stage = "coder"
runtime = "command"
command = ["true"]

[[agent]]
name = "bob"
stage = "coder"
runtime = "codex"
"""


def test_a_project_that_is_well_is_told_line_by_line(huskies: Commands) -> None:
    assert huskies("doctor").outcome == (0, "✓ git\n✓ store\n✓ config\n✓ base branch\n", "")


def test_what_is_not_well_is_told_with_what_helps_and_the_rest_is_looked_at(
    huskies: Commands, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    repository.write(".huskies/agents.toml", AGENTS)
    repository.write(".huskies/project.toml", 'base_branch = "trunk"\n')
    found = huskies("doctor", "--json")
    checks = {one["check"]: one["problem"] for one in found.json()["data"]["checks"]}
    assert (found.exit_code, checks) == (
        1,
        {
            "git": "",
            "store": "",
            "config": "",
            "base branch": "there is no branch trunk",
            "agent ann": "",
            "agent bob": "codex is not on PATH",
        },
    )
    assert all(error["hint"] for error in found.json()["errors"])


def test_a_config_that_does_not_load_is_told_problem_by_problem(
    huskies: Commands, repository: GitRepository
) -> None:
    repository.write(".huskies/project.toml", "max_coder = 1\nmax_gates = 0\n")
    found = huskies("doctor", "--json").json()
    assert [one["check"] for one in found["data"]["checks"]] == ["git", "store", "config", "config"]


def test_a_row_that_refers_to_what_is_gone_is_damage(huskies: Commands, repository: GitRepository) -> None:
    huskies("add", "Fix", "--type", "bug")
    with sqlite3.connect(repository.root / ".huskies/state.db") as db:
        db.execute("UPDATE stories SET visit = 999")
    db.close()
    told = huskies("doctor")
    assert (told.exit_code, told.stdout.splitlines()[1]) == (1, "✗ store")
    assert told.stderr.splitlines()[0] == "huskies: store: stories 1 refers to what is gone"
