import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from huskies_core.git.create import (
    CreatedWorktree,
    RefusedWorktree,
    WorktreeRequest,
    create_worktrees,
)
from huskies_core.git.repository import Repository
from huskies_core.git.rescue import list_rescues
from huskies_core.git.worktrees import checkout_of, creation_note, is_made, made_worktrees, present_worktrees
from huskies_core.ids import StoryId
from support.git_repository import GitRepository


def create(
    repo: Repository, *stories: int, now: datetime, known: bool = False
) -> tuple[CreatedWorktree | RefusedWorktree, ...]:
    base = repo.branch_tip("main") or ""
    return create_worktrees(
        repo, [WorktreeRequest(StoryId(story), base, known_branch=known) for story in stories], now=now
    )


def test_a_worktree_is_on_its_own_branch_at_the_base_and_clean(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    tip = repository.commit_id()
    results = create(repo, 7, 12, now=now)
    path = repo.project.worktree(12)
    assert results == (
        CreatedWorktree(StoryId(7), "feature/story-7", tip, new_branch=True),
        CreatedWorktree(StoryId(12), "feature/story-12", tip, new_branch=True),
    )
    assert (
        repository.git("symbolic-ref", "HEAD", cwd=path),
        repository.commit_id(cwd=path),
        repository.status(cwd=path),
        (path / "README").read_text(),
        sorted(made_worktrees(repo.project)),
        sorted(present_worktrees(repo.project)),
    ) == ("refs/heads/feature/story-12", tip, [], "first\n", [7, 12], [7, 12])


def test_a_second_call_changes_nothing(repository: GitRepository, repo: Repository, now: datetime) -> None:
    create(repo, 7, now=now)
    path = repo.project.worktree(7)
    repository.commit_file("new", "x", cwd=path)
    repository.write("dirty", "y", cwd=path)
    again = create(repo, 7, now=now, known=True)
    head = repository.commit_id(cwd=path)
    assert again == (CreatedWorktree(StoryId(7), "feature/story-7", head, new_branch=False),)
    assert (repository.status(cwd=path), list_rescues(repo)) == (["?? dirty"], ())


def test_git_config_is_not_changed(repository: GitRepository, repo: Repository, now: datetime) -> None:
    repository.git("config", "branch.autoSetupMerge", "always")
    before = (repo.project.git_dir / "config").read_bytes()
    create(repo, 1, 2, 3, now=now)
    assert (repo.project.git_dir / "config").read_bytes() == before


def test_hooks_of_the_user_do_not_run(repository: GitRepository, repo: Repository, now: datetime) -> None:
    hook = repository.write(
        ".git/hooks/post-checkout", '#!/bin/sh\ntouch "$(git rev-parse --git-common-dir)/ran"\n'
    )
    hook.chmod(0o755)
    create(repo, 1, now=now)
    assert not (repo.project.git_dir / "ran").exists()


def test_a_foreign_branch_is_refused_and_the_other_worktrees_are_created(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    repository.branch("feature/story-2")
    results = create(repo, 1, 2, 3, now=now)
    assert results[1] == RefusedWorktree(StoryId(2), "branch exists", "feature/story-2")
    assert made_worktrees(repo.project) == {1, 3}


def test_a_branch_that_git_cannot_create_is_refused(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    repository.branch("feature")
    refused = create(repo, 1, now=now)[0]
    assert isinstance(refused, RefusedWorktree)
    assert (refused.reason, made_worktrees(repo.project)) == ("failed", frozenset())


def test_a_worktree_deleted_by_hand_is_created_again_with_its_commits(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    create(repo, 7, now=now)
    path = repo.project.worktree(7)
    head = repository.commit_file("work", "done\n", cwd=path)
    subprocess.run(["rm", "-rf", str(path)], check=True)
    assert (is_made(repo.project, StoryId(7)), sorted(present_worktrees(repo.project))) == (False, [7])
    assert create(repo, 7, now=now, known=True) == (
        CreatedWorktree(StoryId(7), "feature/story-7", head, new_branch=False),
    )
    assert ((path / "work").read_text(), repository.status(cwd=path), list_rescues(repo)) == (
        "done\n",
        [],
        (),
    )


def test_an_incomplete_worktree_is_rescued_and_created_again(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    create(repo, 7, now=now)
    path = repo.project.worktree(7)
    repository.write("found", "only copy\n", cwd=path)
    checkout = checkout_of(repo.project, StoryId(7))
    assert checkout is not None
    (checkout.git_dir / "huskies-made").unlink()
    create(repo, 7, now=now, known=True)
    (rescue,) = list_rescues(repo, StoryId(7))
    assert (repository.read("found", rescue.commit), repository.status(cwd=path)) == ("only copy\n", [])


def test_a_record_that_a_killed_git_left_empty_is_replaced(repo: Repository, now: datetime) -> None:
    create(repo, 7, now=now)
    checkout = checkout_of(repo.project, StoryId(7))
    assert checkout is not None
    (checkout.git_dir / "huskies-made").unlink()
    (checkout.git_dir / "commondir").write_text("")
    (checkout.path / "README").unlink()
    results = create(repo, 6, 7, now=now, known=True)
    assert [type(result) for result in results] == [CreatedWorktree] * 2


def test_an_incomplete_checkout_leaves_no_rescue(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    repository.commit_file("second", "2\n")
    path = repo.project.worktree(7)
    repo.git("worktree", "add", "--no-checkout", "-b", "feature/story-7", str(path), "HEAD")
    (path / "README").write_text("first\n")
    create(repo, 7, now=now, known=True)
    assert (is_made(repo.project, StoryId(7)), list_rescues(repo), repository.status(cwd=path)) == (
        True,
        (),
        [],
    )


def test_a_branch_of_a_killed_call_is_used_by_the_next_call(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    tip = repository.commit_id()
    note = creation_note(repo.project, StoryId(7))
    note.parent.mkdir(parents=True)
    note.write_text(tip)
    repository.branch("feature/story-7")
    repository.commit_file("later", "x")
    assert create(repo, 7, now=now) == (CreatedWorktree(StoryId(7), "feature/story-7", tip, new_branch=True),)
    assert not note.exists()


def test_a_path_of_the_user_is_refused_and_stays(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    mine = repository.write(".huskies/worktrees/7/mine", "precious")
    refused = create(repo, 7, now=now)[0]
    assert isinstance(refused, RefusedWorktree)
    assert (refused.reason, mine.read_text(), repo.branch_tip("feature/story-7")) == (
        "path in the way",
        "precious",
        None,
    )


def test_a_link_to_the_repository_is_refused_and_stays(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    repo.project.worktrees_dir.mkdir()
    repo.project.worktree(7).symlink_to(repository.root)
    refused = create(repo, 7, now=now)[0]
    assert isinstance(refused, RefusedWorktree)
    assert (refused.reason, (repository.root / "README").read_text()) == ("path in the way", "first\n")


def test_the_admin_directory_may_have_another_name(
    repository: GitRepository, repo: Repository, now: datetime, tmp_path: Path
) -> None:
    repository.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "7"))
    create(repo, 7, now=now)
    checkout = checkout_of(repo.project, StoryId(7))
    assert checkout is not None
    assert (checkout.git_dir.name, is_made(repo.project, StoryId(7))) == ("71", True)


def test_a_copy_of_a_worktree_does_not_count_as_another_storys(repo: Repository, now: datetime) -> None:
    create(repo, 7, now=now)
    subprocess.run(["cp", "-r", str(repo.project.worktree(7)), str(repo.project.worktree(8))], check=True)
    assert made_worktrees(repo.project) == {7}


def test_a_failing_filter_refuses_one_worktree_and_a_later_call_creates_it(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    repository.write(".gitattributes", "*.big filter=broken\n")
    repository.commit_file("a.big", "big\n")
    repository.git("config", "filter.broken.required", "true")
    repository.git("config", "filter.broken.smudge", "false")
    refused = create(repo, 7, now=now)[0]
    repository.git("config", "filter.broken.smudge", "cat")
    repository.git("config", "filter.broken.clean", "cat")
    assert isinstance(refused, RefusedWorktree)
    assert (refused.reason, [type(result) for result in create(repo, 7, now=now)]) == (
        "failed",
        [CreatedWorktree],
    )


def test_two_concurrent_calls_create_each_worktree_once(repo: Repository, now: datetime) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: create(repo, *range(1, 11), now=now, known=True), range(4)))
    new = sum(
        isinstance(result, CreatedWorktree) and result.new_branch for answer in answers for result in answer
    )
    assert (new, sorted(made_worktrees(repo.project)), list_rescues(repo)) == (10, list(range(1, 11)), ())


@pytest.mark.parametrize("patterns", ["*.env\n/data/\n", ".env\nlocal.env\ndata/*\n"])
def test_ignored_files_that_the_work_needs_are_copied(
    repository: GitRepository, repo: Repository, now: datetime, patterns: str
) -> None:
    repository.write(".gitignore", "*.env\n/data/\n/cache/\n")
    repository.write(".worktreeinclude", patterns)
    repository.commit_all()
    for path in (".env", "sub/local.env", "data/big", "cache/x", "untracked"):
        repository.write(path, path)
    repository.write(".huskies/state.db", "state")
    create(repo, 7, now=now)
    worktree = repo.project.worktree(7)
    present = sorted(str(path.relative_to(worktree)) for path in worktree.rglob("*") if path.is_file())
    expected = [".env", ".git", ".gitignore", ".worktreeinclude", "README", "data/big", "sub/local.env"]
    assert (present, repository.status(cwd=worktree)) == (expected, [])


def test_nothing_is_copied_through_a_link_out_of_the_worktree(
    repository: GitRepository, repo: Repository, now: datetime, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (repository.root / "data").symlink_to(outside)
    repository.write(".gitignore", "secret\n")
    repository.write(".worktreeinclude", "secret\n")
    repository.commit_all()
    (repository.root / "data").unlink()
    repository.write("data/secret", "x")
    create(repo, 7, now=now)
    assert list(outside.iterdir()) == []
