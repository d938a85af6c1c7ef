"""`doctor` proves on this machine that runs outlive what starts them, or says that they do not."""

import os
from pathlib import Path

import pytest

from support.crontabs import OwnCrontab
from support.waiting import wait_until
from system.facts import processes_of
from system.project import Pipeline
from system.user_manager import user_manager

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

KILLS_ALL = "[Service]\nKillMode=control-group\n"


def canary_checks(pipeline: Pipeline, *flags: str) -> dict[str, tuple[str, str]]:
    """Return the problem and the detail of each canary check."""
    checks = pipeline.huskies("doctor", "--json", *flags).json()["data"]["checks"]
    return {
        check["check"]: (check["problem"], check["detail"])
        for check in checks
        if check["subject"] == "survival"
    }


def leftovers(pipeline: Pipeline) -> tuple[list[str], list[str]]:
    """Return folders and processes that remain of a canary."""
    folders = [path.name for path in pipeline.project.state_dir.glob("canary-*")]
    return folders, list(processes_of(pipeline.root))


def drop_in(text: str) -> Path:
    """Add settings of the user for all units of huskies."""
    folder = Path(os.environ["XDG_CONFIG_HOME"], "systemd/user/huskies-.service.d")
    folder.mkdir(parents=True)
    (folder / "own.conf").write_text(text)
    return folder


def test_a_run_survives_the_unit_that_started_it(pipeline: Pipeline, tmp_path: Path) -> None:
    with user_manager(tmp_path / "manager.log"):
        assert canary_checks(pipeline) == {}
        assert pipeline.huskies("service", "install", "systemd").exit_code == 0
        checks, sleepers = canary_checks(pipeline), leftovers(pipeline)
        assert pipeline.huskies("service", "uninstall", "systemd").exit_code == 0
    survives = "a run in its own scope survives the unit that started it"
    assert (checks, sleepers) == ({"canary systemd": ("", survives)}, ([], []))


def test_a_drop_in_that_ends_runs_is_a_problem(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user manager creates no scope in this test."""
    drop_in(KILLS_ALL)
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "busctl").write_text("#!/bin/sh\nexit 1\n")
    (broken / "busctl").chmod(0o755)
    with user_manager(tmp_path / "manager.log"):
        monkeypatch.setenv("PATH", f"{broken}:{os.environ['PATH']}")
        checks = canary_checks(pipeline, "--canary")
        sleepers = leftovers(pipeline)
    assert checks["canary systemd"] == ("a run ends with the unit that started it", "")
    assert sleepers == ([], [])


def test_without_a_user_manager_only_cron_is_tested(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OwnCrontab(tmp_path / "crontabs", monkeypatch)
    checks = canary_checks(pipeline, "--canary")
    survives = "a run in its own session survives the job that started it"
    assert checks["canary cron"] == ("", survives)
    problem, detail = checks["canary systemd"]
    assert (problem, detail.startswith("not tried from systemd: ")) == ("", True)
    wait_until(lambda: leftovers(pipeline) == ([], []), 10)


def test_a_test_run_that_cannot_be_started_is_a_problem(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    OwnCrontab(tmp_path / "crontabs", monkeypatch)
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "env").write_text("#!/bin/sh\nexit 3\n")
    (broken / "env").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:{os.environ['PATH']}")
    assert canary_checks(pipeline, "--canary")["canary cron"] == (
        "no run could be started: the job exited with 3",
        "",
    )
    assert leftovers(pipeline) == ([], [])
