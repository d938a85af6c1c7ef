"""`doctor`: problems and fixes as text and JSON."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.commands import Commands
from support.contexts import agent_toml
from support.crontabs import OwnCrontab
from support.git_repository import GitRepository

AGENTS = agent_toml() + '[[agent]]\nname = "bob"\nstage = "coder"\nruntime = "codex"\n'
SUBJECTS = [
    "✓ environment",
    "✓ git",
    "✓ store",
    "✓ config",
    "– notifications",
    "✓ locks",
    "✓ runs",
    "✓ worktrees",
    "✓ disk",
    "– scheduler",
]


@pytest.fixture(autouse=True)
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCrontab:
    return OwnCrontab(tmp_path / "crontabs", monkeypatch)


def break_journal(repository: GitRepository) -> None:
    with closing(sqlite3.connect(repository.root / ".huskies/state.db")) as db:
        db.execute("UPDATE stories SET stage = 'blocked'")
        db.commit()


def test_a_subject_without_problems_is_one_line(huskies: Commands) -> None:
    result = huskies("doctor")
    lines = [line.partition(":")[0] for line in result.stdout.splitlines()]
    assert (result.exit_code, lines, result.stderr) == (0, SUBJECTS, "")


def test_a_problem_is_printed_with_its_fix(huskies: Commands, repository: GitRepository) -> None:
    huskies("add", "Fix", "--type", "bug")
    break_journal(repository)
    result = huskies("doctor")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines()[2:5] == [
        "✗ journal",
        "  story 1 is in blocked, the journal has backlog",
        "  Keep a copy of .huskies/state.db and report it, with the file that 'huskies doctor --bundle FILE' writes.",
    ]
    document = huskies("doctor", "--json").json()
    assert [(check["code"], check["subject"]) for check in document["errors"]] == [("unwell", "journal")]
    assert [check for check in document["data"]["checks"] if not check["ok"]] == [
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


def test_fix_repairs_a_problem_once(huskies: Commands, repository: GitRepository) -> None:
    keys = repository.write(".huskies/env", "KEY=1\n")
    keys.chmod(0o644)
    assert huskies("doctor").exit_code == 1
    result = huskies("doctor", "--fix")
    assert (result.exit_code, result.stdout.splitlines()[3:6]) == (
        0,
        [
            "✓ env file",
            f"  {keys} can be read by others (mode 0644)",
            "  fixed: only the owner can read env now",
        ],
    )
    again = huskies("doctor", "--fix", "--json").data["checks"]
    assert [check for check in again if check["fixed"] or not check["ok"]] == []


def test_a_bundle_is_written_once_despite_problems(huskies: Commands, repository: GitRepository) -> None:
    repository.write(".huskies/project.toml", "max_coder = 1\n")
    archive = repository.root / "report.tgz"
    result = huskies("doctor", "--bundle", archive)
    assert (result.exit_code, result.stderr) == (1, f"Wrote {archive}. Read it before you send it.\n")
    assert archive.read_bytes()[:2] == b"\x1f\x8b"
    again = huskies("doctor", "--json", "--bundle", archive)
    assert [check["code"] for check in again.json()["errors"]] == ["exists"]
    assert huskies("doctor", "--json", "--bundle", "other.tgz").json()["data"]["bundle"] == "other.tgz"


def test_agents_and_the_base_branch_are_checked(
    huskies: Commands, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    repository.write(".huskies/agents.toml", AGENTS)
    repository.write(".huskies/project.toml", 'base_branch = "trunk"\n')
    document = huskies("doctor", "--json").json()
    checks = {check["check"]: check["problem"] for check in document["data"]["checks"]}
    expected = {
        "git": "",
        "store": "",
        "config": "",
        "base branch": "the branch trunk does not exist",
        "agent ann": "",
        "agent bob": "codex is not on PATH",
    }
    assert {name: checks[name] for name in expected} == expected
    assert all(error["hint"] for error in document["errors"])


def test_each_problem_of_an_invalid_config_is_a_check(huskies: Commands, repository: GitRepository) -> None:
    repository.write(".huskies/project.toml", "max_coder = 1\nmax_gates = 0\n")
    document = huskies("doctor", "--json").json()
    assert [check["check"] for check in document["data"]["checks"] if check["problem"]] == [
        "config",
        "config",
    ]


def test_an_agent_may_run_the_checks_but_not_the_fixes(
    huskies: Commands, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSKIES_RUN_ID", "1")
    monkeypatch.setenv("HUSKIES_PROJECT", str(repository.root))
    assert huskies("doctor").exit_code == 0
    for flag in ("--fix", "--canary"):
        assert huskies("doctor", flag, "--json").json()["errors"][0]["code"] == "inside_a_run"
