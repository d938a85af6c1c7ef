"""The user's checkout when a story lands: it is updated, or not touched if local changes conflict."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.git_repository import GitRepository
from system.project import MakePipeline, Pipeline
from system.user_checkout import (
    ADDED,
    AFTER,
    BEFORE,
    CHANGED,
    DELETED,
    TOUCHED,
    assert_only_touched,
    base_dirty_report,
    begin,
    checkout_state,
    go_on,
    land,
    touched_files,
    touched_on,
    unlike_main,
    wait_until_blocked,
    write_base,
)

pytestmark = pytest.mark.system

Arrange = Callable[[GitRepository], None]


@pytest.fixture
def pipeline(make_pipeline: MakePipeline, repository: GitRepository) -> Pipeline:
    """Return a project without gates, with the files that its stories touch."""
    write_base(repository)
    return make_pipeline(settings="max_coders = 1", gates={})


def edit_other_files(repository: GitRepository) -> None:
    repository.write("untouched.txt", "mine\n")
    repository.write("loose.txt", "mine\n")
    repository.write("mine.ignored", "mine\n")


def stage_other_files(repository: GitRepository) -> None:
    repository.write("untouched.txt", "staged\n")
    repository.write("staged.txt", "staged\n")
    repository.git("add", "untouched.txt", "staged.txt")
    repository.write("untouched.txt", "staged, then edited\n")
    repository.git("rm", "--quiet", "--cached", "README")


def stash_work(repository: GitRepository) -> None:
    repository.write(CHANGED, "mine\n")
    repository.git("stash", "--quiet")


def make_touched_files_read_only(repository: GitRepository) -> None:
    (repository.root / CHANGED).chmod(0o444)
    (repository.root / DELETED).chmod(0o444)


def give_a_file_another_time(repository: GitRepository) -> None:
    os.utime(repository.root / CHANGED, (1, 1))


def flag_a_file(repository: GitRepository) -> None:
    repository.git("update-index", "--assume-unchanged", "untouched.txt")
    repository.write("untouched.txt", "mine\n")


def leave_a_file_out(repository: GitRepository) -> None:
    repository.git("sparse-checkout", "set", "--no-cone", "/*", "!/untouched.txt")


@pytest.mark.parametrize(
    "arrange",
    [
        edit_other_files,
        stage_other_files,
        stash_work,
        make_touched_files_read_only,
        give_a_file_another_time,
        flag_a_file,
        leave_a_file_out,
    ],
)
def test_the_checkout_of_the_base_is_updated_and_other_files_stay(
    pipeline: Pipeline, arrange: Arrange
) -> None:
    repository = pipeline.repository
    arrange(repository)
    before = checkout_state(repository)
    land(pipeline)
    assert (touched_files(pipeline.root), touched_on(repository, "main")) == (AFTER, AFTER)
    assert_only_touched(repository, before)


def be_on_another_branch(repository: GitRepository) -> None:
    repository.checkout("mine", new=True)
    repository.write(CHANGED, "mine\n")
    repository.write(ADDED, "mine\n")
    repository.git("add", ADDED)


def be_on_no_branch(repository: GitRepository) -> None:
    repository.git("checkout", "--quiet", "--detach")
    repository.write(CHANGED, "mine\n")


def rebase_another_branch(repository: GitRepository) -> None:
    repository.checkout("mine", new=True)
    repository.commit_file("mine.txt", "mine\n")
    repository.run("rebase", "--force-rebase", "--exec", "false", "HEAD~1")


@pytest.mark.parametrize("arrange", [be_on_another_branch, be_on_no_branch, rebase_another_branch])
def test_a_checkout_of_another_branch_is_not_changed(pipeline: Pipeline, arrange: Arrange) -> None:
    repository = pipeline.repository
    arrange(repository)
    before = checkout_state(repository)
    land(pipeline)
    assert (checkout_state(repository), touched_on(repository, "main")) == (before, AFTER)


def test_a_linked_checkout_of_the_base_is_updated(pipeline: Pipeline, tmp_path: Path) -> None:
    repository, linked = pipeline.repository, tmp_path / "linked"
    be_on_another_branch(repository)
    repository.git("worktree", "add", "--quiet", str(linked), "main")
    repository.write("untouched.txt", "mine\n", cwd=linked)
    main, other = checkout_state(repository), checkout_state(repository, linked)
    land(pipeline)
    assert (checkout_state(repository), checkout_state(repository, linked).without(TOUCHED)) == (
        main,
        other.without(TOUCHED),
    )
    assert (touched_files(linked), unlike_main(repository, linked)) == (AFTER, [])


def edit_a_touched_file(repository: GitRepository) -> None:
    repository.write(CHANGED, "mine\n")


def delete_a_touched_file(repository: GitRepository) -> None:
    (repository.root / DELETED).unlink()


def restore_files(repository: GitRepository) -> None:
    repository.git("checkout", "--quiet", "HEAD", "--", CHANGED, DELETED)


def stage_a_touched_file(repository: GitRepository) -> None:
    """Stage a change and restore the file, so that only the index differs."""
    repository.write(CHANGED, "mine\n")
    repository.git("add", CHANGED)
    repository.write(CHANGED, BEFORE[CHANGED])


def add_a_conflicting_file(repository: GitRepository) -> None:
    repository.write(ADDED, "mine\n")


def add_a_conflicting_ignored_file(repository: GitRepository) -> None:
    repository.write(".git/info/exclude", f"{ADDED}\n")
    repository.write(ADDED, "mine\n")


def add_a_conflicting_folder(repository: GitRepository) -> None:
    repository.write(f"{ADDED}/mine.txt", "mine\n")


def remove_conflicting_files(repository: GitRepository) -> None:
    repository.git("clean", "--quiet", "--force", "-d", "-x", ADDED)


@pytest.mark.parametrize(
    ("arrange", "paths", "clear"),
    [
        (edit_a_touched_file, [CHANGED], restore_files),
        (delete_a_touched_file, [DELETED], restore_files),
        (stage_a_touched_file, [CHANGED], restore_files),
        (add_a_conflicting_file, [ADDED], remove_conflicting_files),
        (add_a_conflicting_ignored_file, [ADDED], remove_conflicting_files),
        (add_a_conflicting_folder, [f"{ADDED}/mine.txt"], remove_conflicting_files),
    ],
)
def test_conflicting_changes_block_the_story_until_they_are_removed(
    pipeline: Pipeline, arrange: Arrange, paths: list[str], clear: Arrange
) -> None:
    repository = pipeline.repository
    arrange(repository)
    before = checkout_state(repository)
    story = begin(pipeline)
    wait_until_blocked(pipeline)
    report, _ = base_dirty_report(pipeline, story)
    assert (report, checkout_state(repository), touched_on(repository, "main")) == (paths, before, BEFORE)
    clear(repository)
    go_on(pipeline, story)
    assert (touched_files(pipeline.root), repository.status()) == (AFTER, [])


def test_an_edit_in_a_linked_checkout_of_the_base_blocks_the_story(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    repository, linked = pipeline.repository, tmp_path / "linked"
    repository.checkout("mine", new=True)
    repository.git("worktree", "add", "--quiet", str(linked), "main")
    repository.write(CHANGED, "mine\n", cwd=linked)
    before = checkout_state(repository, linked)
    story = begin(pipeline)
    wait_until_blocked(pipeline)
    report = base_dirty_report(pipeline, story)
    assert (report, checkout_state(repository, linked)) == (
        ([CHANGED], f"{linked} has uncommitted changes to files of the landing"),
        before,
    )
    repository.git("checkout", "--quiet", CHANGED, cwd=linked)
    go_on(pipeline, story)
    assert (touched_files(linked), unlike_main(repository, linked)) == (AFTER, [])
