"""`doctor`: what is well, what is not, and what helps."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.commands import Commands
from support.crontabs import OwnCrontab
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
SUBJECTS = [
    "environment",
    "git",
    "store",
    "config",
    "notify",
    "locks",
    "runs",
    "worktrees",
    "disk",
    "services",
]


@pytest.fixture(autouse=True)
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCrontab:
    return OwnCrontab(tmp_path / "crontabs", monkeypatch)


def break_journal(repository: GitRepository) -> None:
    with closing(sqlite3.connect(repository.root / ".huskies/state.db")) as db:
        db.execute("UPDATE stories SET stage = 'blocked'")
        db.commit()


def test_a_project_that_is_well_is_a_line_a_subject(huskies: Commands) -> None:
    told = huskies("doctor")
    lines = [line.partition(":")[0] for line in told.stdout.splitlines()]
    assert (told.exit_code, lines, told.stderr) == (0, [f"✓ {subject}" for subject in SUBJECTS], "")


def test_what_is_not_well_is_told_where_it_stands_with_what_helps(
    huskies: Commands, repository: GitRepository
) -> None:
    huskies("add", "Fix", "--type", "bug")
    break_journal(repository)
    told = huskies("doctor")
    assert (told.exit_code, told.stderr) == (1, "")
    assert told.stdout.splitlines()[2:5] == [
        "✗ journal",
        "  story 1 is in blocked, the journal has backlog",
        "  Keep a copy of .huskies/state.db and report it, with what 'huskies doctor --bundle FILE' writes.",
    ]
    document = huskies("doctor", "--json").json()
    assert [(one["code"], one["subject"]) for one in document["errors"]] == [("unwell", "journal")]
    assert [one for one in document["data"]["checks"] if not one["ok"]] == [
        {
            "check": "journal",
            "subject": "store",
            "ok": False,
            "problem": "story 1 is in blocked, the journal has backlog",
            "fix": document["errors"][0]["hint"],
            "detail": "",
            "fixed": False,
        }
    ]


def test_what_is_safe_to_put_right_is_and_the_second_time_there_is_nothing(
    huskies: Commands, repository: GitRepository
) -> None:
    keys = repository.write(".huskies/env", "KEY=1\n")
    keys.chmod(0o644)
    assert huskies("doctor").exit_code == 1
    told = huskies("doctor", "--fix")
    assert (told.exit_code, told.stdout.splitlines()[3:6]) == (
        0,
        [
            "✓ env file",
            f"  {keys} can be read by others (mode 0644)",
            "  fixed: env is for its owner alone",
        ],
    )
    again = huskies("doctor", "--fix", "--json").data["checks"]
    assert [one for one in again if one["fixed"] or not one["ok"]] == []


def test_a_bundle_is_written_once_whatever_is_unwell(huskies: Commands, repository: GitRepository) -> None:
    repository.write(".huskies/project.toml", "max_coder = 1\n")
    place = repository.root / "report.tgz"
    told = huskies("doctor", "--bundle", place)
    assert (told.exit_code, told.stderr) == (1, f"Wrote {place}. Look through it before you send it.\n")
    assert place.read_bytes()[:2] == b"\x1f\x8b"
    again = huskies("doctor", "--json", "--bundle", place)
    assert [one["code"] for one in again.json()["errors"]] == ["exists"]
    assert huskies("doctor", "--json", "--bundle", "other.tgz").json()["data"]["bundle"] == "other.tgz"


def test_agents_and_the_base_branch_are_looked_at(
    huskies: Commands, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    repository.write(".huskies/agents.toml", AGENTS)
    repository.write(".huskies/project.toml", 'base_branch = "trunk"\n')
    found = huskies("doctor", "--json").json()
    checks = {one["check"]: one["problem"] for one in found["data"]["checks"]}
    wanted = {
        "git": "",
        "store": "",
        "config": "",
        "base branch": "there is no branch trunk",
        "agent ann": "",
        "agent bob": "codex is not on PATH",
    }
    assert {name: checks[name] for name in wanted} == wanted
    assert all(error["hint"] for error in found["errors"])


def test_a_config_that_does_not_load_is_told_problem_by_problem(
    huskies: Commands, repository: GitRepository
) -> None:
    repository.write(".huskies/project.toml", "max_coder = 1\nmax_gates = 0\n")
    found = huskies("doctor", "--json").json()
    assert [one["check"] for one in found["data"]["checks"] if one["problem"]] == ["config", "config"]


def test_an_agent_may_look_and_fixes_nothing(
    huskies: Commands, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSKIES_RUN_ID", "1")
    monkeypatch.setenv("HUSKIES_PROJECT", str(repository.root))
    assert huskies("doctor").exit_code == 0
    for flag in ("--fix", "--canary"):
        assert huskies("doctor", flag, "--json").json()["errors"][0]["code"] == "inside_a_run"
