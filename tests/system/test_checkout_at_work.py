"""A story lands while the user runs git in the checkout of the base branch."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.git_repository import GitRepository
from support.waiting import wait_for_file
from system.project import MakePipeline, Pipeline
from system.user_checkout import (
    AFTER,
    BEFORE,
    CHANGED,
    WORK,
    base_dirty_report,
    begin,
    checkout_state,
    go_on,
    touched_files,
    touched_on,
    wait_until_blocked,
    write_base,
)

pytestmark = pytest.mark.system

PATIENCE = "n=0; until [ -e {go} ] || [ $n -gt 600 ]; do sleep 0.05; n=$((n+1)); done"
Arrange = Callable[[GitRepository], None]


def rebase_the_base(repository: GitRepository) -> None:
    repository.run("rebase", "--force-rebase", "--exec", "false", "HEAD~1")


def merge_into_the_base(repository: GitRepository) -> None:
    repository.checkout("mine", new=True)
    repository.commit_file("mine.txt", "mine\n")
    repository.checkout("main")
    repository.git("merge", "--quiet", "--no-ff", "--no-commit", "mine")


def abort_rebase(repository: GitRepository) -> None:
    repository.git("rebase", "--abort")


def abort_merge(repository: GitRepository) -> None:
    repository.git("merge", "--abort")


@pytest.mark.parametrize(
    ("arrange", "reason", "clear"),
    [
        (rebase_the_base, "main is being rebased in {root}", abort_rebase),
        (merge_into_the_base, "a merge is in progress in {root}", abort_merge),
    ],
)
def test_a_git_operation_on_the_base_blocks_the_story_until_it_ends(
    make_pipeline: MakePipeline, repository: GitRepository, arrange: Arrange, reason: str, clear: Arrange
) -> None:
    write_base(repository)
    pipeline = make_pipeline(settings="max_coders = 1", gates={})
    arrange(repository)
    before = checkout_state(repository)
    story = begin(pipeline)
    wait_until_blocked(pipeline)
    report = base_dirty_report(pipeline, story)
    assert (report, checkout_state(repository), touched_on(repository, "main")) == (
        ([], reason.format(root=pipeline.root)),
        before,
        BEFORE,
    )
    clear(repository)
    go_on(pipeline, story)
    assert (touched_files(pipeline.root), repository.status()) == (AFTER, [])


def test_the_landing_waits_for_a_commit_in_progress(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    write_base(repository)
    pipeline = make_pipeline(settings="max_coders = 1", gates={})
    repository.write("untouched.txt", "mine\n")
    with editor_open(repository, tmp_path) as closed:
        story = begin(pipeline)
        wait_until_blocked(pipeline)
        paths, reason = base_dirty_report(pipeline, story)
        lock = pipeline.project.git_dir / "index.lock"
        assert (paths, reason.partition(" exists")[0], lock.exists()) == ([], str(lock), True)
        closed.touch()
    go_on(pipeline, story)
    subjects = repository.subjects("main")[:2]
    assert (subjects, repository.status()) == (["huskies: merge 1 story A story", "mine"], [])


@contextmanager
def editor_open(repository: GitRepository, folder: Path) -> Iterator[Path]:
    """Run `git commit --all` with an editor that waits for a file; git keeps its lock for that time."""
    opened, closed = folder / "editor-opened", folder / "editor-closed"
    patience = PATIENCE.format(go=closed)
    editor = folder / "editor"
    editor.write_text(f'#!/bin/sh\necho yes > {opened}\n{patience}\necho mine > "$1"\n')
    editor.chmod(0o755)
    environment = os.environ | {"GIT_EDITOR": str(editor)}
    commit = subprocess.Popen(
        ["git", "commit", "--quiet", "--all"], cwd=repository.root, env=environment, stdin=subprocess.DEVNULL
    )
    try:
        wait_for_file(opened)
        yield closed
    finally:
        closed.touch()
        commit.wait(30)


@pytest.fixture
def merging(make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path) -> Pipeline:
    """Return a project whose gate creates `gates-began` for each merge, and passes when `go` exists.

    Its story 1 is being merged: the base moved since it began, so that the merged tree is none that passed before.
    """
    write_base(repository)
    patience = PATIENCE.format(go=tmp_path / "go")
    script = f"case $PWD in */merge_workspace) echo yes > {tmp_path}/gates-began; {patience};; esac"
    pipeline = make_pipeline(gates={"patient": ["sh", "-c", script]})
    begin(pipeline, f"wait={tmp_path}/begin", *WORK)
    pipeline.wait_until_live(1)
    repository.commit_file("earlier.txt", "mine\n", message="earlier")
    (tmp_path / "begin").touch()
    wait_for_file(tmp_path / "gates-began", 60)
    return pipeline


def test_a_commit_during_the_gates_of_a_merge_is_kept(merging: Pipeline, tmp_path: Path) -> None:
    repository = merging.repository
    repository.commit_file("mine.txt", "mine\n", message="mine")
    repository.write("untouched.txt", "mine\n")
    (tmp_path / "go").touch()
    merging.wait_for(1)
    assert (repository.subjects("main")[:2], repository.status()) == (
        ["huskies: merge 1 story A story", "mine"],
        [" M untouched.txt"],
    )
    assert touched_files(merging.root) == AFTER


def test_an_edit_during_the_gates_of_a_merge_blocks_it(merging: Pipeline, tmp_path: Path) -> None:
    repository = merging.repository
    repository.write(CHANGED, "mine\n")
    before = checkout_state(repository)
    (tmp_path / "go").touch()
    wait_until_blocked(merging)
    report, _ = base_dirty_report(merging, 1)
    assert (report, checkout_state(repository), touched_on(repository, "main")) == ([CHANGED], before, BEFORE)
    repository.git("checkout", "--quiet", CHANGED)
    go_on(merging, 1)
    assert (touched_files(merging.root), repository.status()) == (AFTER, [])
