"""`doctor` on used projects, and while other processes work on them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.clock import utc_now
from huskies_core.supervisor.kill import kill_run
from huskies_core.supervisor.run_directory import RunDirectory
from support.checks import age
from support.cli import start_huskies
from support.crontabs import OwnCrontab
from support.waiting import wait_until
from system.facts import NOTHING, no_leftovers, processes_of
from system.project import Pipeline

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]


@pytest.fixture(autouse=True)
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCrontab:
    return OwnCrontab(tmp_path / "crontabs", monkeypatch)


def failed_checks(pipeline: Pipeline, *flags: str) -> list[str]:
    checks = pipeline.huskies("doctor", "--json", *flags).json()["data"]["checks"]
    return [check["check"] for check in checks if not check["ok"]]


def test_doctor_finds_no_problem_in_a_busy_or_idle_project(pipeline: Pipeline) -> None:
    failed = set()
    go = pipeline.scripts / "go"
    with pipeline.ticking():
        story = pipeline.add((f"wait={go}", "write=a.txt:done", "commit=work"))
        pipeline.wait_until_live(story)
        failed.update(failed_checks(pipeline))
        go.touch()
        pipeline.wait_for(story)
        assert pipeline.huskies("abandon", str(pipeline.add(start=False)), "--reason", "no").exit_code == 0
    assert (no_leftovers(pipeline), sorted({*failed, *failed_checks(pipeline)})) == (NOTHING, [])


def add_problems(pipeline: Pipeline) -> Iterator[Path]:
    """Add problems that doctor fixes, and yield the paths that it must remove."""
    project, old = pipeline.project, utc_now()
    project.env_file.write_text("KEY=1\n")
    project.env_file.chmod(0o644)
    folder = project.state_dir / "canary-old"
    (folder / "1").mkdir(parents=True)
    for path in (project.git_dir / "config.lock", project.state_dir / "state.new"):
        path.touch()
        yield age(path, old, hours=2)
    yield age(folder, old, hours=2)


def test_several_doctors_can_fix_at_once(pipeline: Pipeline) -> None:
    broken = list(add_problems(pipeline))
    doctors = [start_huskies("doctor", "--fix", cwd=pipeline.root) for _ in range(4)]
    outputs = [doctor.communicate(timeout=100)[0] for doctor in doctors]
    # A doctor that runs during a git command of another one leaves the lock files of git, and reports them.
    busy = [text for text, doctor in zip(outputs, doctors, strict=True) if doctor.returncode]
    assert all("A git process is using" in text and text.count("✗") == 1 for text in busy), "\n".join(busy)
    assert [path for path in broken if path.exists()] == []
    assert failed_checks(pipeline) == []


def kill_doctor(pipeline: Pipeline, signum: int) -> list[Path]:
    """Kill a doctor with a live canary, and return the folders that remain."""
    doctor = start_huskies("doctor", "--canary", cwd=pipeline.root)
    folder = pipeline.project.state_dir
    wait_until(lambda: list(folder.glob("canary-*/1/shim.json")), 60)
    os.killpg(doctor.pid, signum)
    doctor.communicate(timeout=60)
    return list(folder.glob("canary-*"))


def test_a_doctor_that_is_interrupted_ends_its_canary(pipeline: Pipeline) -> None:
    assert (kill_doctor(pipeline, signal.SIGINT), list(processes_of(pipeline.root))) == ([], [])


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_the_next_fix_removes_the_files_of_a_killed_doctor(pipeline: Pipeline, signum: int) -> None:
    folders = kill_doctor(pipeline, signum)
    assert (len(folders), failed_checks(pipeline)) == (1, [])
    kill_run(RunDirectory(folders[0] / "1"), {"outcome": "stopped"})
    assert list(processes_of(pipeline.root)) == []
    age(folders[0], utc_now(), hours=2)
    assert (failed_checks(pipeline), failed_checks(pipeline, "--fix")) == (["temporary files"], [])
    assert (folders[0].exists(), failed_checks(pipeline)) == (False, [])
