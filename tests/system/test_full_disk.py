"""The disk is full while a story is added, at a tick, and during a run: no work is lost, and it continues later."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.git_repository import GitRepository
from support.waiting import wait_for_file, wait_until
from system.project import Pipeline, Team
from system.whole_project import whole

pytestmark = pytest.mark.system

SIZE = "12m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of a few megabytes."""
    mountpoint = tmp_path.resolve() / "disk"
    mountpoint.mkdir()
    if shutil.which("mount") is None or mount(mountpoint) is not None:
        pytest.skip("this user cannot mount a tmpfs here")
    yield mountpoint
    subprocess.run(["umount", "--lazy", mountpoint], check=True)


def mount(mountpoint: Path) -> str | None:
    """Mount a small disk. Return the reason if that fails, else None."""
    argv = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(mountpoint)]
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.stderr if done.returncode else None


@pytest.fixture
def pipeline(small_disk: Path, tmp_path: Path) -> Iterator[Pipeline]:
    """Return a project on the small disk; only the scripts of the agents are elsewhere."""
    scripts = tmp_path.resolve() / "scripts"
    made = Pipeline(
        GitRepository(small_disk / "repository"),
        scripts,
        team=Team(coder=1),
        settings="max_coders = 1",
        gates={},
    )
    yield made
    empty(small_disk)
    made.stop()


def fill(disk: Path) -> None:
    """Fill the disk to the last byte."""
    filler = disk / "filler"
    for size in ("64k", "1k", "1"):
        command = [
            "dd",
            "if=/dev/zero",
            f"of={filler}",
            f"bs={size}",
            "oflag=append",
            "conv=notrunc",
            "status=none",
        ]
        assert subprocess.run(command, capture_output=True).returncode == 1


def empty(disk: Path) -> None:
    (disk / "filler").unlink(missing_ok=True)


def test_a_full_disk_prevents_adding_a_story(pipeline: Pipeline, small_disk: Path) -> None:
    pipeline.add(start=False)
    before = whole(pipeline.repository)
    fill(small_disk)
    result = pipeline.huskies("add", "x", "-c", "x" * 100_000, "--json")
    errors = [error["code"] for error in result.json()["errors"]]
    read = pipeline.huskies("list", "--json")
    empty(small_disk)
    assert (result.exit_code, errors, result.stderr) == (1, ["disk_full"], ""), result
    assert (read.exit_code, whole(pipeline.repository)) == (0, before)
    assert pipeline.huskies("add", "x", "-c", "c").outcome == (
        0,
        "2\n",
        pipeline.huskies("add", "y", "-c", "c").stderr,
    )


def test_a_tick_on_a_full_disk_starts_no_run_and_the_next_tick_does(
    pipeline: Pipeline, small_disk: Path
) -> None:
    story = pipeline.add()
    fill(small_disk)
    result = pipeline.huskies("tick", "--json")
    empty(small_disk)
    codes = {error["code"] for error in result.json()["errors"]}
    assert (result.exit_code, result.stderr, "bug" in codes, bool(codes)) == (1, "", False, True), result
    with pipeline.ticking():
        pipeline.wait_for(story)
    assert (pipeline.repository.files("main")[-1], pipeline.repository.status()) == (f"story-{story}.txt", [])


def test_a_run_on_a_full_disk_is_ended_later(pipeline: Pipeline, small_disk: Path, tmp_path: Path) -> None:
    """Neither the end nor the output could be written: the run counts as dead, and the work is repeated."""
    full, go = tmp_path / "full", tmp_path / "go"
    story = pipeline.add(
        (f"pid={full}", f"wait={go}", "raw=1000000", "write=story.txt:done", "commit=work"),
        ("write=story.txt:done", "commit=work"),
    )
    assert pipeline.huskies("auto-assign").exit_code == 0
    wait_for_file(full)
    fill(small_disk)
    go.touch()
    wait_until(lambda: not pipeline.locked_runs(), 60, what="the end of the run")
    empty(small_disk)
    with pipeline.ticking():
        pipeline.wait_for(story)
    assert (pipeline.repository.read("story.txt", "main"), pipeline.repository.status()) == ("done", [])
