from datetime import datetime
from pathlib import Path

import pytest

from huskies_core.git.branch_state import BranchState, read_branch_state
from huskies_core.git.create import WorktreeRequest, create_worktrees
from huskies_core.git.repository import Repository
from huskies_core.ids import StoryId
from support.git_repository import GitRepository


@pytest.fixture
def worktree(repo: Repository, now: datetime) -> Path:
    create_worktrees(
        repo, [WorktreeRequest(StoryId(7), repo.branch_tip("main") or "", known_branch=False)], now=now
    )
    return repo.project.worktree(7)


def gather(repo: Repository) -> BranchState:
    return read_branch_state(repo, StoryId(7), base_tip=repo.branch_tip("main") or "")


def summary(evidence: BranchState) -> tuple[int, bool, bool]:
    return evidence.commits_ahead, evidence.has_diff, evidence.dirty


def test_a_story_without_a_branch_has_nothing(repo: Repository) -> None:
    assert gather(repo) == BranchState(None, None, None, 0, has_diff=False, dirty=False, fingerprint="")


@pytest.mark.usefixtures("worktree")
def test_a_fresh_branch_has_no_work(repository: GitRepository, repo: Repository) -> None:
    evidence = gather(repo)
    tip = repository.commit_id()
    assert (evidence.head, evidence.base, summary(evidence)) == (tip, tip, (0, False, False))


def test_a_commit_is_work(repository: GitRepository, repo: Repository, worktree: Path) -> None:
    head = repository.commit_file("work", "1", cwd=worktree)
    evidence = gather(repo)
    tree = repository.git("rev-parse", f"{head}^{{tree}}")
    assert (evidence.head, evidence.tree, summary(evidence)) == (head, tree, (1, True, False))


def test_commits_that_cancel_out_are_no_diff(
    repository: GitRepository, repo: Repository, worktree: Path
) -> None:
    repository.commit_file("README", "2\n", cwd=worktree)
    repository.commit_file("README", "first\n", cwd=worktree)
    assert summary(gather(repo)) == (2, False, False)


def test_new_commits_on_the_base_are_no_work_of_the_story(
    repository: GitRepository, repo: Repository, worktree: Path
) -> None:
    repository.commit_file("other", "x")
    assert summary(gather(repo)) == (0, False, False)
    repository.git("merge", "--quiet", "main", cwd=worktree)
    assert summary(gather(repo)) == (0, False, False)


@pytest.mark.parametrize("path", ["README", "new"])
def test_uncommitted_files_are_dirty(
    repository: GitRepository, repo: Repository, worktree: Path, path: str
) -> None:
    repository.write(path, "changed", cwd=worktree)
    assert summary(gather(repo)) == (0, False, True)


def test_work_on_another_branch_is_not_committed_here(
    repository: GitRepository, repo: Repository, worktree: Path
) -> None:
    repository.git("checkout", "--quiet", "-b", "elsewhere", cwd=worktree)
    repository.commit_file("work", "1", cwd=worktree)
    assert summary(gather(repo)) == (0, False, True)


def test_the_fingerprint_follows_the_diff_and_nothing_else(
    repository: GitRepository, repo: Repository, worktree: Path
) -> None:
    prints = [gather(repo).fingerprint]
    repository.write("work", "1", cwd=worktree)
    prints.append(gather(repo).fingerprint)
    repository.commit_all(cwd=worktree)
    prints.append(gather(repo).fingerprint)
    repository.commit_file("other", "x")
    repository.git("merge", "--quiet", "main", cwd=worktree)
    prints.append(gather(repo).fingerprint)
    repository.write("work", "2", cwd=worktree)
    prints.append(gather(repo).fingerprint)
    assert [prints.index(fingerprint) for fingerprint in prints] == [0, 1, 1, 1, 4]


def test_reading_the_state_leaves_no_objects(
    repository: GitRepository, repo: Repository, worktree: Path
) -> None:
    repository.write("new", "x", cwd=worktree)
    before = repository.git("count-objects")
    gather(repo)
    assert repository.git("count-objects") == before
