"""What nobody will come back for on the disk."""

import os
import subprocess
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.space import look_at_space
from huskies_core.humanize import size
from huskies_core.pipeline.stages import Abandoned
from huskies_core.store import content
from support.checks import age, fixed, seen
from support.stories import import_story


def test_files_that_killed_processes_were_writing_go_when_nobody_writes_them(context: Context) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    state = context.project.state_dir
    names = (f".project.toml.{gone.pid}", f".agents.toml.{os.getpid()}", "state.new", ".mine.1")
    paths = [state / name for name in names]
    for path in paths:
        path.touch()
    canary = state / "canary-gone" / "1"
    canary.mkdir(parents=True)
    (canary / "lock").touch()
    paths.append(canary.parent)
    assert seen(look_at_space, context) == {}
    for path in paths:
        age(path, context.now(), hours=2)
    assert seen(look_at_space, context) == {
        "temporary files": f"left in .huskies: {names[0]}, canary-gone, state.new"
    }
    assert fixed(context) == {"temporary files": "removed 3 of them"}
    assert ([path.exists() for path in paths], fixed(context)) == ([False, True, False, True, False], {})


def test_of_links_that_look_like_ours_only_the_links_go(context: Context, tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "file"
    kept.parent.mkdir()
    kept.touch()
    links = [context.project.state_dir / name for name in ("canary-folder", "canary-nowhere", "state.new")]
    for link, place in zip(links, (kept.parent, tmp_path / "nowhere", kept), strict=True):
        link.symlink_to(place)
    assert seen(look_at_space, context) == {}
    for link in links:
        age(link, context.now(), hours=2)
    assert fixed(context) == {"temporary files": "removed 3 of them"}
    assert ([os.path.lexists(link) for link in links], kept.exists()) == ([False] * 3, True)


def test_what_gc_has_left_for_long_is_cleared(context: Context) -> None:
    story = import_story(context.store, Abandoned("no"), now=context.now()).id
    with context.store.exclusive() as db:
        content.put(db, story, "qa_notes", "text", now=context.now())
    assert seen(look_at_space, context) == {"retention": "1 thing to be cleared for long: purge_content"}
    assert fixed(context) == {"retention": "'huskies gc' did 1 thing"}
    assert (fixed(context), seen(look_at_space, context)) == ({}, {})


def test_what_is_used_is_told(context: Context) -> None:
    context.project.run_dir(1).mkdir(parents=True)
    Path(context.project.run_dir(1), "output.log").write_bytes(b"x" * 1_000_000)
    told = {one.name: one.detail for one in look_at_space(context)}
    assert ("runs 1.0 MB" in told["disk use"], told["disk"].endswith(" free")) == (True, True)


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2.6e10, "26.0 GB"), (3e12, "3.0 TB")],
)
def test_sizes_are_told_in_one_unit(number: float, told: str) -> None:
    assert size(number) == told
