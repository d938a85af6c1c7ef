"""The disk is full while a story is added, at a tick, and during a run: nothing is lost, and all goes on with room."""

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
    """A disk of a few megabytes."""
    mountpoint = tmp_path.resolve() / "disk"
    mountpoint.mkdir()
    if shutil.which("mount") is None or mount(mountpoint) is not None:
        pytest.skip("this user cannot mount a tmpfs here")
    yield mountpoint
    subprocess.run(["umount", "--lazy", mountpoint], check=True)


def mount(mountpoint: Path) -> str | None:
    """Why there is no small disk at that place; None: there is one."""
    argv = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(mountpoint)]
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.stderr if done.returncode else None


@pytest.fixture
def pipeline(small_disk: Path, tmp_path: Path) -> Iterator[Pipeline]:
    """A project of which all but the agents' scripts lies on the small disk."""
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
    """Takes all the room there is, to the byte."""
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


def test_a_story_that_has_no_room_is_not_added(pipeline: Pipeline, small_disk: Path) -> None:
    pipeline.add(start=False)
    before = whole(pipeline.repository)
    fill(small_disk)
    told = pipeline.huskies("add", "x", "-c", "x" * 100_000, "--json")
    errors = [error["code"] for error in told.json()["errors"]]
    read = pipeline.huskies("list", "--json")
    empty(small_disk)
    assert (told.exit_code, errors, told.stderr) == (1, ["disk_full"], ""), told
    assert (read.exit_code, whole(pipeline.repository)) == (0, before)
    assert pipeline.huskies("add", "x", "-c", "c").outcome == (
        0,
        "2\n",
        pipeline.huskies("add", "y", "-c", "c").stderr,
    )


def test_a_tick_that_has_no_room_starts_nothing_and_the_next_one_does(
    pipeline: Pipeline, small_disk: Path
) -> None:
    story = pipeline.add()
    fill(small_disk)
    told = pipeline.huskies("tick", "--json")
    empty(small_disk)
    codes = {error["code"] for error in told.json()["errors"]}
    assert (told.exit_code, told.stderr, "bug" in codes, bool(codes)) == (1, "", False, True), told
    with pipeline.ticking():
        pipeline.wait_for(story)
    assert (pipeline.repository.files("main")[-1], pipeline.repository.status()) == (f"story-{story}.txt", [])


def test_a_run_whose_disk_is_full_is_ended_once_there_is_room(
    pipeline: Pipeline, small_disk: Path, tmp_path: Path
) -> None:
    """Neither its end nor what it printed could be written: it is found dead, and the work is done again."""
    full, go = tmp_path / "full", tmp_path / "go"
    story = pipeline.add(
        (f"pid={full}", f"wait={go}", "raw=1000000", "write=story.txt:done", "commit=work"),
        ("write=story.txt:done", "commit=work"),
    )
    assert pipeline.huskies("auto-assign").exit_code == 0
    wait_for_file(full)
    fill(small_disk)
    go.touch()
    wait_until(lambda: not pipeline.held_runs(), 60, what="the end of the run")
    empty(small_disk)
    with pipeline.ticking():
        pipeline.wait_for(story)
    assert (pipeline.repository.read("story.txt", "main"), pipeline.repository.status()) == ("done", [])
