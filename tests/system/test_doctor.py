"""`doctor` on projects that have lived, and against others who are at work on them."""

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


def unwell(pipeline: Pipeline, *flags: str) -> list[str]:
    checks = pipeline.huskies("doctor", "--json", *flags).json()["data"]["checks"]
    return [one["check"] for one in checks if not one["ok"]]


def test_nothing_is_wrong_with_a_project_at_work_or_at_rest(pipeline: Pipeline) -> None:
    seen = set()
    go = pipeline.scripts / "go"
    with pipeline.ticking():
        held = pipeline.add((f"wait={go}", "write=a.txt:done", "commit=work"))
        pipeline.wait_until_live(held)
        seen.update(unwell(pipeline))
        go.touch()
        pipeline.wait_for(held)
        assert pipeline.huskies("abandon", str(pipeline.add(start=False)), "--reason", "no").exit_code == 0
    assert (no_leftovers(pipeline), sorted({*seen, *unwell(pipeline)})) == (NOTHING, [])


def break_much(pipeline: Pipeline) -> Iterator[Path]:
    """What several doctors find at once and each would put right; the paths that are to be gone."""
    project, old = pipeline.project, utc_now()
    project.env_file.write_text("KEY=1\n")
    project.env_file.chmod(0o644)
    folder = project.state_dir / "canary-gone"
    (folder / "1").mkdir(parents=True)
    for path in (project.git_dir / "config.lock", project.state_dir / "state.new"):
        path.touch()
        yield age(path, old, hours=2)
    yield age(folder, old, hours=2)


def test_several_that_fix_at_once_get_in_nobodys_way(pipeline: Pipeline) -> None:
    broken = list(break_much(pipeline))
    doctors = [start_huskies("doctor", "--fix", cwd=pipeline.root) for _ in range(4)]
    told = [doctor.communicate(timeout=100)[0] for doctor in doctors]
    # One that looks while another's git is at work leaves git's lock files to a later one, and says so.
    busy = [text for text, doctor in zip(told, doctors, strict=True) if doctor.returncode]
    assert all("A git process is using" in text and text.count("✗") == 1 for text in busy), "\n".join(busy)
    assert [path for path in broken if path.exists()] == []
    assert unwell(pipeline) == []


def stopped(pipeline: Pipeline, signum: int) -> list[Path]:
    """Ends a doctor whose canary is alive; the folders that stay."""
    doctor = start_huskies("doctor", "--canary", cwd=pipeline.root)
    folder = pipeline.project.state_dir
    wait_until(lambda: list(folder.glob("canary-*/1/shim.json")), 60)
    os.killpg(doctor.pid, signum)
    doctor.communicate(timeout=60)
    return list(folder.glob("canary-*"))


def test_a_doctor_that_is_interrupted_ends_its_canary(pipeline: Pipeline) -> None:
    assert (stopped(pipeline, signal.SIGINT), list(processes_of(pipeline.root))) == ([], [])


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_left_of_a_doctor_that_was_killed_goes_with_the_next_fix(
    pipeline: Pipeline, signum: int
) -> None:
    left = stopped(pipeline, signum)
    assert (len(left), unwell(pipeline)) == (1, [])
    kill_run(RunDirectory(left[0] / "1"), {"outcome": "stopped"})
    assert list(processes_of(pipeline.root)) == []
    age(left[0], utc_now(), hours=2)
    assert (unwell(pipeline), unwell(pipeline, "--fix")) == (["temporary files"], [])
    assert (left[0].exists(), unwell(pipeline)) == (False, [])
