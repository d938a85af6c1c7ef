import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from huskies_core.errors import UsageError
from huskies_core.git.create import WorktreeRequest, create_worktrees
from huskies_core.git.repository import Repository
from huskies_core.git.rescue import (
    expire_rescues,
    list_rescues,
    rescue_work,
    restore_rescue,
    size_of_rescues,
)
from huskies_core.ids import StoryId
from support.git_repository import GitRepository


@pytest.fixture
def worktree(repo: Repository, now: datetime) -> Path:
    create_worktrees(
        repo, [WorktreeRequest(StoryId(7), repo.branch_tip("main") or "", known_branch=False)], now=now
    )
    return repo.project.worktree(7)


def rescue(repo: Repository, now: datetime) -> str:
    return rescue_work(repo, StoryId(7), base_tip=repo.branch_tip("main") or "", landed=None, now=now) or ""


def test_nothing_to_lose_leaves_no_rescue(repo: Repository, worktree: Path, now: datetime) -> None:
    (worktree / "README").touch()
    assert (rescue(repo, now), list_rescues(repo)) == ("", ())


def test_the_same_work_is_kept_once(repo: Repository, worktree: Path, now: datetime) -> None:
    (worktree / "new").write_text("x")
    first = rescue(repo, now)
    assert rescue(repo, now + timedelta(hours=1)) == first


def test_the_size_counts_objects_that_only_rescues_keep(
    repo: Repository, worktree: Path, now: datetime
) -> None:
    sizes = [size_of_rescues(repo, seconds=10)]
    (worktree / "new").write_bytes(os.urandom(5000))
    rescue(repo, now)
    sizes.append(size_of_rescues(repo, seconds=10))
    assert (sizes[0], 5000 < (sizes[1] or 0) < 6000) == (0, True)


def test_the_worktree_is_not_changed(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    repository.write("staged", "1", cwd=worktree)
    repository.git("add", "staged", cwd=worktree)
    repository.write("README", "2", cwd=worktree)
    before = repository.status(cwd=worktree)
    rescue(repo, now)
    assert (before, repository.status(cwd=worktree)) == ([" M README", "A  staged"], before)


def test_two_rescues_of_the_same_time_are_both_kept(repo: Repository, worktree: Path, now: datetime) -> None:
    refs = []
    for text in ("first", "second"):
        (worktree / "new").write_text(text)
        refs.append(rescue(repo, now))
    assert [kept.ref for kept in list_rescues(repo, StoryId(7))] == refs[::-1]


def test_ignored_files_are_left_out(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    repository.write(".git/info/exclude", "cache\n")
    repository.write("cache", "x", cwd=worktree)
    assert rescue(repo, now) == ""


def test_deleted_and_flagged_files_are_rescued(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    repository.commit_file("gone", "x", cwd=worktree)
    (worktree / "gone").unlink()
    repository.git("update-index", "--assume-unchanged", "README", cwd=worktree)
    repository.write("README", "hidden\n", cwd=worktree)
    ref = rescue(repo, now)
    assert (repository.files(ref), repository.read("README", ref)) == (["README"], "hidden\n")


def test_files_of_a_nested_repository_are_kept(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    GitRepository(worktree / "nested" / "one")
    GitRepository(worktree / "nested" / "unborn", commits=False)
    repository.write("nested/unborn/file", "x\n", cwd=worktree)
    ref = rescue(repo, now)
    assert repository.files(ref) == ["README", "nested/one/README", "nested/unborn/file"]


def test_a_worktree_in_the_middle_of_a_merge_is_kept_with_its_conflicts(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    repository.commit_file("README", "base\n")
    repository.commit_file("README", "story\n", cwd=worktree)
    repository.run("merge", "main", cwd=worktree)
    assert "<<<<<<< HEAD" in repository.read("README", rescue(repo, now))


def test_work_is_rescued_despite_a_truncated_index(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    index = Path(repository.git("rev-parse", "--absolute-git-dir", cwd=worktree)) / "index"
    index.write_bytes(index.read_bytes()[:20])
    repository.write("new", "x\n", cwd=worktree)
    assert repository.files(rescue(repo, now)) == ["README", "new"]


def test_a_branch_without_a_common_ancestor_is_rescued(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    repository.git("checkout", "--quiet", "--orphan", "fresh", cwd=worktree)
    repository.write("new", "x\n", cwd=worktree)
    assert repository.files(rescue(repo, now)) == ["README", "new"]


def test_a_rescue_can_be_restored_to_a_branch(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    repository.write("new", "x\n", cwd=worktree)
    rescue(repo, now)
    (kept,) = list_rescues(repo, StoryId(7))
    assert restore_rescue(repo, StoryId(7), time=None, to_branch="again") == kept
    assert (repo.branch_tip("again"), repository.read("new", "again")) == (kept.commit, "x\n")


@pytest.mark.parametrize(
    ("story", "time", "branch"),
    [
        (8, None, "again"),
        (7, "20200101T000000000000Z", "again"),
        (7, None, "main"),
        (7, None, "a..b"),
        (7, None, "-x"),
    ],
)
def test_an_invalid_restore_is_refused(
    repo: Repository, worktree: Path, now: datetime, story: int, time: str | None, branch: str
) -> None:
    (worktree / "new").write_text("x")
    rescue(repo, now)
    with pytest.raises(UsageError):
        restore_rescue(repo, StoryId(story), time=time, to_branch=branch)


def test_old_rescues_expire_and_new_ones_stay(repo: Repository, worktree: Path, now: datetime) -> None:
    for text, age in (("old", timedelta(days=31)), ("young", timedelta(days=1))):
        (worktree / "new").write_text(text)
        rescue(repo, now - age)
    young, old = list_rescues(repo)
    expired = [expire_rescues(repo, older_than=now - timedelta(days=30)) for _ in range(2)]
    assert (expired, list_rescues(repo)) == ([(old,), ()], (young,))
