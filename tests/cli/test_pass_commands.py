"""The passes as commands: their output, a second call at the same time, and the loop of watch."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from huskies_core.passes.pass_sequence import PASSES
from support.cli import start_huskies
from support.commands import Commands
from support.git_repository import GitRepository
from support.waiting import wait_until

EVERY_PASS = [*sorted(PASSES), "reconcile", "tick"]


def dropped(huskies: Commands) -> None:
    """Add a terminal story, so that audit-log has work to do."""
    huskies("add", "A story", "-c", "it works")
    huskies("abandon", "1", "--reason", "no")


@pytest.mark.parametrize("name", EVERY_PASS)
def test_a_pass_with_nothing_to_do_prints_nothing(huskies: Commands, name: str) -> None:
    first, second = huskies(name), huskies(name)
    assert (first.exit_code, second.outcome) == (0, (0, "", ""))


@pytest.mark.parametrize("name", EVERY_PASS)
def test_every_pass_has_the_same_document(huskies: Commands, name: str) -> None:
    huskies(name)
    document = huskies(name, "--json").json()
    assert (document["command"], document["status"], document["data"]) == (
        name,
        "ok",
        {"pass": name, "already_running": False, "actions": []},
    )


def test_actions_are_listed_with_their_outcomes(huskies: Commands) -> None:
    dropped(huskies)
    planned, done = huskies("audit-log", "--dry-run", "--json").data, huskies("audit-log").outcome
    assert planned["actions"] == [
        {
            "pass": "audit-log",
            "action": "append_audit",
            "story": None,
            "outcome": "planned",
            "detail": "1 row",
        }
    ]
    assert done == (0, "append_audit: 1 row\n", "")


def test_a_pass_that_already_runs_is_reported_with_exit_code_0(
    huskies: Commands, repository_root: Path
) -> None:
    dropped(huskies)
    with pass_lock(repository_root, "audit-log"):
        result, document = huskies("audit-log"), huskies("audit-log", "--json").data
        late = huskies("audit-log", "--wait", "0.1")
    assert result.outcome == (0, "", "audit-log is already running\n")
    assert document == {"pass": "audit-log", "already_running": True, "actions": []}
    assert (late.exit_code, late.stderr.splitlines()[0]) == (75, "huskies: audit-log is already running")


def test_one_failing_item_makes_the_pass_partly_failed(huskies: Commands, repository_root: Path) -> None:
    dropped(huskies)
    (repository_root / ".huskies" / "audit.log").mkdir()
    outcome = huskies("reconcile", "--json")
    document = outcome.json()
    assert (outcome.exit_code, document["errors"][0]["subject"]) == (1, "audit-log")


def test_agents_may_not_run_passes(
    huskies: Commands, repository_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSKIES_PROJECT", str(repository_root))
    monkeypatch.setenv("HUSKIES_RUN_ID", "1")
    codes = [huskies(name, "--json").json()["errors"][0]["code"] for name in EVERY_PASS]
    assert set(codes) == {"inside_a_run"}


def test_an_interval_that_would_keep_a_core_busy_is_refused(huskies: Commands) -> None:
    refused = huskies("watch", "--interval", "0")
    assert (refused.exit_code, "0.1 seconds at least" in refused.stderr) == (2, True)


# watch, as a process of its own


@pytest.fixture
def repository_root(repository: GitRepository, huskies: Commands) -> Path:
    """Return the main checkout of the project."""
    assert huskies("status").exit_code == 0
    return repository.root


def pass_lock(root: Path, name: str) -> FileLock:
    folder = root / ".huskies" / "locks"
    folder.mkdir(exist_ok=True)
    return FileLock(folder / f"{name}.lock")


def printed(log: Path) -> list[str]:
    return [str(json.loads(line).get("message") or "") for line in log.read_text().splitlines()]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "watch.log"


def watch(root: Path, log: Path) -> "subprocess.Popen[str]":
    """Start a watch that writes its lines to `log`, and wait for its start."""
    process = start_huskies("watch", "--json", "--interval", "0.1", cwd=root, log=log)
    wait_until(lambda: "startup reconcile complete" in printed(log), 30, what="the start of watch")
    return process


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_watch_ends_at_once_on_a_signal(
    repository_root: Path, log: Path, number: signal.Signals, code: int
) -> None:
    process = watch(repository_root, log)
    process.send_signal(number)
    assert process.wait(10) == code


@pytest.mark.usefixtures("processes")
def test_watch_acts_on_changes_by_other_commands(huskies: Commands, repository_root: Path, log: Path) -> None:
    process = watch(repository_root, log)
    dropped(huskies)
    wait_until((repository_root / ".huskies" / "audit.log").exists, 20)
    process.terminate()
    assert process.wait(10) == 0


@pytest.mark.usefixtures("processes")
def test_watch_prints_the_transitions_of_other_commands(
    huskies: Commands, repository_root: Path, log: Path
) -> None:
    process = watch(repository_root, log)
    dropped(huskies)

    def result() -> list[tuple[object, ...]]:
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        return [(row["story"], row["before"], row["event"], row["after"]) for row in rows if "seq" in row]

    assert wait_until(result, 20) == [(1, "backlog", "abandon", "abandoned")]
    process.terminate()
    assert process.wait(10) == 0


@pytest.mark.usefixtures("processes")
def test_watch_reports_a_broken_config_once_and_continues_after_the_fix(
    huskies: Commands, repository_root: Path, log: Path
) -> None:
    toml = repository_root / ".huskies" / "project.toml"
    good = toml.read_text()
    process = watch(repository_root, log)
    toml.write_text("max_coders = 'three'\n")
    wait_until(lambda: any("max_coders" in line for line in printed(log)), 20)
    toml.write_text(good)
    dropped(huskies)
    wait_until((repository_root / ".huskies" / "audit.log").exists, 20)
    process.terminate()
    process.wait(10)
    assert sum("max_coders" in line for line in printed(log)) == 1
