"""A person's checkout while stories land: brought forward where nothing is in the way, and else not touched."""

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
    GONE,
    TOUCHED,
    begin,
    go_on,
    land,
    seen,
    told_of_hold,
    touched_files,
    touched_on,
    unlike_main,
    wait_until_held,
    write_base,
)

pytestmark = pytest.mark.system

Arrange = Callable[[GitRepository], None]


@pytest.fixture
def pipeline(make_pipeline: MakePipeline, repository: GitRepository) -> Pipeline:
    """A project with the files that its stories touch, and without gates."""
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
    (repository.root / GONE).chmod(0o444)


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
def test_the_checkout_of_the_base_is_brought_forward_and_all_else_in_it_stays(
    pipeline: Pipeline, arrange: Arrange
) -> None:
    repository = pipeline.repository
    arrange(repository)
    before = seen(repository)
    land(pipeline)
    assert (touched_files(pipeline.root), touched_on(repository, "main")) == (AFTER, AFTER)
    assert (seen(repository).without(TOUCHED), unlike_main(repository)) == (before.without(TOUCHED), [])


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
def test_a_checkout_of_anything_else_stays_as_it_is(pipeline: Pipeline, arrange: Arrange) -> None:
    repository = pipeline.repository
    arrange(repository)
    before = seen(repository)
    land(pipeline)
    assert (seen(repository), touched_on(repository, "main")) == (before, AFTER)


def test_a_linked_checkout_of_the_base_is_brought_forward(pipeline: Pipeline, tmp_path: Path) -> None:
    repository, linked = pipeline.repository, tmp_path / "linked"
    be_on_another_branch(repository)
    repository.git("worktree", "add", "--quiet", str(linked), "main")
    repository.write("untouched.txt", "mine\n", cwd=linked)
    main, other = seen(repository), seen(repository, linked)
    land(pipeline)
    assert (seen(repository), seen(repository, linked).without(TOUCHED)) == (main, other.without(TOUCHED))
    assert (touched_files(linked), unlike_main(repository, linked)) == (AFTER, [])


def edit_a_touched_file(repository: GitRepository) -> None:
    repository.write(CHANGED, "mine\n")


def delete_a_touched_file(repository: GitRepository) -> None:
    (repository.root / GONE).unlink()


def restore_files(repository: GitRepository) -> None:
    repository.git("checkout", "--quiet", "HEAD", "--", CHANGED, GONE)


def stage_a_touched_file(repository: GitRepository) -> None:
    """Staged and put back, so that only the index tells."""
    repository.write(CHANGED, "mine\n")
    repository.git("add", CHANGED)
    repository.write(CHANGED, BEFORE[CHANGED])


def put_a_file_in_the_way(repository: GitRepository) -> None:
    repository.write(ADDED, "mine\n")


def put_an_ignored_file_in_the_way(repository: GitRepository) -> None:
    repository.write(".git/info/exclude", f"{ADDED}\n")
    repository.write(ADDED, "mine\n")


def put_a_folder_in_the_way(repository: GitRepository) -> None:
    repository.write(f"{ADDED}/mine.txt", "mine\n")


def remove_what_is_in_the_way(repository: GitRepository) -> None:
    repository.git("clean", "--quiet", "--force", "-d", "-x", ADDED)


@pytest.mark.parametrize(
    ("arrange", "paths", "clear"),
    [
        (edit_a_touched_file, [CHANGED], restore_files),
        (delete_a_touched_file, [GONE], restore_files),
        (stage_a_touched_file, [CHANGED], restore_files),
        (put_a_file_in_the_way, [ADDED], remove_what_is_in_the_way),
        (put_an_ignored_file_in_the_way, [ADDED], remove_what_is_in_the_way),
        (put_a_folder_in_the_way, [f"{ADDED}/mine.txt"], remove_what_is_in_the_way),
    ],
)
def test_what_is_in_the_way_holds_the_story_until_it_is_gone(
    pipeline: Pipeline, arrange: Arrange, paths: list[str], clear: Arrange
) -> None:
    repository = pipeline.repository
    arrange(repository)
    before = seen(repository)
    story = begin(pipeline)
    wait_until_held(pipeline)
    told, _ = told_of_hold(pipeline, story)
    assert (told, seen(repository), touched_on(repository, "main")) == (paths, before, BEFORE)
    clear(repository)
    go_on(pipeline, story)
    assert (touched_files(pipeline.root), repository.status()) == (AFTER, [])


def test_an_edit_in_a_linked_checkout_of_the_base_holds_the_story(pipeline: Pipeline, tmp_path: Path) -> None:
    repository, linked = pipeline.repository, tmp_path / "linked"
    repository.checkout("mine", new=True)
    repository.git("worktree", "add", "--quiet", str(linked), "main")
    repository.write(CHANGED, "mine\n", cwd=linked)
    before = seen(repository, linked)
    story = begin(pipeline)
    wait_until_held(pipeline)
    told = told_of_hold(pipeline, story)
    assert (told, seen(repository, linked)) == (
        ([CHANGED], f"{linked} has uncommitted changes to files of the landing"),
        before,
    )
    repository.git("checkout", "--quiet", CHANGED, cwd=linked)
    go_on(pipeline, story)
    assert (touched_files(linked), unlike_main(repository, linked)) == (AFTER, [])
