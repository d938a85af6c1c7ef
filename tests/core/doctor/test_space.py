"""Abandoned files and disk use."""

import os
import subprocess
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.disk import check_space
from huskies_core.humanize import format_size
from huskies_core.pipeline.stages import Abandoned
from huskies_core.store import content
from support.checks import age, fixed, problems_of
from support.stories import import_story


def test_temporary_files_of_killed_processes_are_removed(context: Context) -> None:
    with subprocess.Popen(["true"]) as dead:
        pass
    state = context.project.state_dir
    names = (f".project.toml.{dead.pid}", f".agents.toml.{os.getpid()}", "state.new", ".mine.1")
    paths = [state / name for name in names]
    for path in paths:
        path.touch()
    canary = state / "canary-left" / "1"
    canary.mkdir(parents=True)
    (canary / "lock").touch()
    paths.append(canary.parent)
    assert problems_of(check_space, context) == {}
    for path in paths:
        age(path, context.now(), hours=2)
    assert problems_of(check_space, context) == {
        "temporary files": f"left in .huskies: {names[0]}, canary-left, state.new"
    }
    assert fixed(context) == {"temporary files": "removed 3 paths"}
    assert ([path.exists() for path in paths], fixed(context)) == ([False, True, False, True, False], {})


def test_only_the_links_and_not_their_targets_are_removed(context: Context, tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "file"
    kept.parent.mkdir()
    kept.touch()
    links = [context.project.state_dir / name for name in ("canary-folder", "canary-nowhere", "state.new")]
    for link, target in zip(links, (kept.parent, tmp_path / "nowhere", kept), strict=True):
        link.symlink_to(target)
    assert problems_of(check_space, context) == {}
    for link in links:
        age(link, context.now(), hours=2)
    assert fixed(context) == {"temporary files": "removed 3 paths"}
    assert ([os.path.lexists(link) for link in links], kept.exists()) == ([False] * 3, True)


def test_overdue_steps_of_gc_are_done(context: Context) -> None:
    story = import_story(context.store, Abandoned("no"), now=context.now()).id
    with context.store.exclusive() as db:
        content.put(db, story, "qa_notes", "text", now=context.now())
    assert problems_of(check_space, context) == {"retention": "overdue steps of gc: purge_content"}
    assert fixed(context) == {"retention": "'huskies gc' did 1 step"}
    assert (fixed(context), problems_of(check_space, context)) == ({}, {})


def test_disk_use_is_a_detail(context: Context) -> None:
    context.project.run_dir(1).mkdir(parents=True)
    Path(context.project.run_dir(1), "output.log").write_bytes(b"x" * 1_000_000)
    details = {check.name: check.detail for check in check_space(context)}
    assert ("runs 1.0 MB" in details["disk use"], details["disk"].endswith(" free")) == (True, True)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2.6e10, "26.0 GB"), (3e12, "3.0 TB")],
)
def test_sizes_have_one_unit(number: float, text: str) -> None:
    assert format_size(number) == text
