"""Checks of worktrees and of the space on the disk."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.disk import check_space, check_worktrees
from huskies_core.git.rescue import list_rescues
from huskies_core.git.worktrees import is_made, present_worktrees
from huskies_core.humanize import format_size
from huskies_core.ids import StoryId
from huskies_core.pipeline.events import Abandon, Start
from huskies_core.pipeline.stages import Abandoned
from huskies_core.runs.story_worktrees import make_worktrees
from huskies_core.store import content
from support.checks import age, fixed, problems_of
from support.contexts import Clock
from support.stories import add_story, apply_to_story, import_story


@pytest.fixture
def story(context: Context) -> int:
    """Start a story and return it. Its worktree has an uncommitted file."""
    number = add_story(context.store, now=context.now()).id
    apply_to_story(context.store, number, Start(), now=context.now())
    make_worktrees(context, [number], context.now())
    (context.project.worktree(number) / "new.txt").write_text("work")
    return number


def test_an_overdue_step_is_done_and_the_work_is_kept(context: Context, story: int, clock: Clock) -> None:
    apply_to_story(context.store, story, Abandon("no"), now=context.now())
    assert problems_of(check_worktrees, context) == {}
    clock.pass_by(minutes=11)
    assert problems_of(check_worktrees, context) == {"worktrees": f"overdue: remove_worktree {story}"}
    assert fixed(context) == {"worktrees": "'huskies worktrees' did 1 step"}
    assert (is_made(context.project, StoryId(story)), len(list_rescues(context.repository))) == (False, 1)
    assert (fixed(context), problems_of(check_worktrees, context)) == ({}, {})


def test_a_record_without_its_folder_is_removed(context: Context, story: int) -> None:
    path = context.project.worktree(story)
    context.repository.git("-C", str(path), "--git-dir=.git", "--work-tree=.", "status", ok=(0, 128))
    shutil.rmtree(path)
    assert problems_of(check_worktrees, context) == {
        "worktree records": f"git has worktrees without a folder: {story}"
    }
    assert fixed(context) == {"worktree records": "removed 1 record"}
    assert present_worktrees(context.project) == frozenset()
    assert context.repository.branch_tip(f"feature/story-{story}") is not None
    assert (fixed(context), problems_of(check_worktrees, context)) == ({}, {})


def test_a_worktree_without_a_story_is_named_and_kept(context: Context, story: int) -> None:
    with context.store.exclusive() as db:
        db.execute("DELETE FROM branches")
        db.execute("DELETE FROM stories")
    path = context.project.worktree(story)
    assert problems_of(check_worktrees, context) == {
        "worktree owners": f"the store has no story for {path}",
        "branch owners": f"not created by huskies, but named like stories: feature/story-{story}",
    }
    assert (fixed(context), (path / "new.txt").read_text()) == ({}, "work")


def test_a_foreign_branch_has_the_command_that_renames_it(context: Context) -> None:
    context.repository.git("branch", "feature/story-9")
    context.repository.git("branch", "feature/story-nine")
    checks = [check for check in check_worktrees(context) if check.problem]
    assert [check.fix for check in checks] == ["Rename each: git branch -m feature/story-9 kept/story-9"]


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
