import shutil
from datetime import datetime
from pathlib import Path

import pytest

from huskies_core.git.branch_state import check_resolution
from huskies_core.git.create import WorktreeRequest, create_worktrees
from huskies_core.git.repository import Repository
from huskies_core.ids import StoryId
from support.git_repository import GitRepository


@pytest.fixture
def worktree(repository: GitRepository, repo: Repository, now: datetime) -> Path:
    """Return the story's worktree during a merge of the base with a conflict in README."""
    create_worktrees(
        repo, [WorktreeRequest(StoryId(7), repo.branch_tip("main") or "", known_branch=False)], now=now
    )
    path = repo.project.worktree(7)
    repository.commit_file("README", "story\n", cwd=path)
    repository.commit_file("README", "main\n")
    repository.run("merge", "main", cwd=path)
    return path


def check(repo: Repository) -> str | None:
    return check_resolution(repo, StoryId(7), base_tip=repo.branch_tip("main") or "")


def test_a_committed_merge_is_complete(repository: GitRepository, repo: Repository, worktree: Path) -> None:
    repository.commit_file("README", "both\n=======\n", cwd=worktree)
    assert check(repo) is None


@pytest.mark.usefixtures("worktree")
def test_an_uncommitted_merge_is_a_problem(repository: GitRepository, repo: Repository) -> None:
    assert check(repo) == "files are still in conflict: README"
    repository.git("add", "README", cwd=repo.project.worktree(7))
    assert check(repo) == "the merge is not committed"


def test_an_aborted_merge_is_a_problem(repository: GitRepository, repo: Repository, worktree: Path) -> None:
    repository.git("merge", "--abort", cwd=worktree)
    assert check(repo) == f"the base {repository.commit_id()[:12]} is not merged into feature/story-7"


def test_conflict_markers_are_found(repository: GitRepository, repo: Repository, worktree: Path) -> None:
    repository.commit_all(cwd=worktree)
    assert check(repo) == "conflict markers are left in README"


def test_markers_that_the_base_already_contains_are_no_problem(
    repository: GitRepository, repo: Repository, worktree: Path
) -> None:
    repository.commit_file("manual", "<<<<<<< x\n=======\n>>>>>>> y\n")
    repository.commit_file("README", "both\n", cwd=worktree)
    repository.git("merge", "--quiet", "--no-edit", "main", cwd=worktree)
    repository.commit_file("other", "x", cwd=worktree)
    assert check(repo) is None


def test_uncommitted_changes_are_a_problem(
    repository: GitRepository, repo: Repository, worktree: Path
) -> None:
    repository.commit_file("README", "both\n", cwd=worktree)
    repository.write("README", "more\n", cwd=worktree)
    assert check(repo) == "the worktree has changes that are not committed"


def test_new_commits_on_the_base_are_a_problem(
    repository: GitRepository, repo: Repository, worktree: Path
) -> None:
    repository.commit_file("README", "both\n", cwd=worktree)
    moved = repository.commit_file("other", "x")
    assert check(repo) == f"the base {moved[:12]} is not merged into feature/story-7"


def test_only_the_branch_is_checked_when_the_worktree_is_missing(
    repository: GitRepository, repo: Repository, worktree: Path
) -> None:
    shutil.rmtree(worktree)
    assert check(repo) == f"the base {repository.commit_id()[:12]} is not merged into feature/story-7"


def test_a_missing_branch_is_a_problem(repo: Repository) -> None:
    assert check(repo) == "branch feature/story-7 does not exist"
