import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.git.create import WorktreeRequest, create_worktrees
from huskies_core.git.removal import Removed, remove_worktree
from huskies_core.git.repository import Repository
from huskies_core.git.rescue import list_rescues
from huskies_core.git.worktrees import checkout_of, present_worktrees
from huskies_core.ids import StoryId
from support.git_repository import GitRepository


@pytest.fixture
def worktree(repo: Repository, now: datetime) -> Path:
    create_worktrees(
        repo, [WorktreeRequest(StoryId(7), repo.branch_tip("main") or "", known_branch=False)], now=now
    )
    return repo.project.worktree(7)


def remove(
    repo: Repository, now: datetime, *, story: int = 7, landed: str | None = None, keep_branch: bool = False
) -> Removed:
    base = repo.branch_tip("main") or ""
    return remove_worktree(
        repo, StoryId(story), base_tip=base, landed=landed, keep_branch=keep_branch, now=now
    )


def test_a_clean_worktree_is_removed_with_its_branch(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    assert remove(repo, now) == Removed(StoryId(7), None, branch_kept=False)
    records = list((repo.project.git_dir / "worktrees").iterdir())
    assert (worktree.exists(), present_worktrees(repo.project), records) == (False, frozenset(), [])
    assert repository.refs() == ["refs/heads/main"]


def test_a_second_removal_does_nothing(repo: Repository, worktree: Path, now: datetime) -> None:
    (worktree / "new").write_text("x")
    remove(repo, now)
    assert remove(repo, now) == Removed(StoryId(7), None, branch_kept=False)
    assert len(list_rescues(repo)) == 1


def test_the_next_removal_deletes_records_that_a_killed_one_left(repo: Repository, now: datetime) -> None:
    records = repo.project.git_dir / "huskies-removed-9"
    records.mkdir()
    (records / "HEAD").write_text("ref: refs/heads/feature/story-9\n")
    remove(repo, now)
    assert not records.exists()


def test_an_edit_in_the_second_of_the_commit_is_rescued(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    repository.commit_file("work", "1\n", cwd=worktree)
    repository.edit_at_once("work", "2\n", repo.project.git_dir / "worktrees/7/index", cwd=worktree)
    assert repository.read("work", remove(repo, now).rescue or "") == "2\n"


def test_uncommitted_files_and_commits_are_rescued(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    head = repository.commit_file("work", "1\n", cwd=worktree)
    repository.write("work", "2\n", cwd=worktree)
    repository.write("new/file", "3\n", cwd=worktree)
    removed = remove(repo, now)
    ref = removed.rescue or ""
    assert (removed, ref) == (
        Removed(StoryId(7), ref, branch_kept=False),
        "refs/huskies/rescue/7/20260301T120000000000Z",
    )
    assert (repository.read("work", ref), repository.read("new/file", ref)) == ("2\n", "3\n")
    assert (repository.commit_id(f"{ref}^"), repo.branch_tip("feature/story-7")) == (head, None)


def test_a_landed_branch_leaves_no_rescue(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    head = repository.commit_file("work", "1\n", cwd=worktree)
    assert remove(repo, now, landed=head) == Removed(StoryId(7), None, branch_kept=False)


def test_a_commit_after_the_landing_is_rescued(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    landed = repository.commit_file("work", "1\n", cwd=worktree)
    later = repository.commit_file("work", "2\n", cwd=worktree)
    assert repository.commit_id(remove(repo, now, landed=landed).rescue or "") == later


def test_commits_of_a_detached_head_are_rescued(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    repository.git("checkout", "--quiet", "--detach", cwd=worktree)
    head = repository.commit_file("work", "1\n", cwd=worktree)
    assert repository.git("rev-list", remove(repo, now).rescue or "").splitlines()[1] == head


def test_a_kept_branch_needs_no_rescue_of_its_commits(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    head = repository.commit_file("work", "1\n", cwd=worktree)
    assert remove(repo, now, keep_branch=True) == Removed(StoryId(7), None, branch_kept=True)
    assert (worktree.exists(), repo.branch_tip("feature/story-7")) == (False, head)


def test_a_branch_checked_out_elsewhere_stays(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime, tmp_path: Path
) -> None:
    repository.git("checkout", "--quiet", "--detach", cwd=worktree)
    repository.git("worktree", "add", "--quiet", str(tmp_path / "mine"), "feature/story-7")
    assert remove(repo, now).branch_kept
    assert repo.branch_tip("feature/story-7") is not None


def test_a_worktree_without_its_git_file_is_rescued_and_removed(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    repository.write("new", "x\n", cwd=worktree)
    (worktree / ".git").unlink()
    ref = remove(repo, now).rescue or ""
    assert (repository.read("new", ref), worktree.exists(), repository.status()) == ("x\n", False, [])


def test_a_worktree_with_a_repository_of_its_own_is_rescued_and_removed(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    (worktree / ".git").unlink()
    repository.git("init", "--quiet", cwd=worktree)
    repository.commit_file("new", "x\n", cwd=worktree)
    ref = remove(repo, now).rescue or ""
    assert (repository.read("new", ref), worktree.exists()) == ("x\n", False)


def test_the_record_of_a_directory_deleted_by_hand_is_removed(
    repository: GitRepository, repo: Repository, worktree: Path, now: datetime
) -> None:
    subprocess.run(["rm", "-rf", str(worktree)], check=True)
    remove(repo, now)
    assert (checkout_of(repo.project, StoryId(7)), repository.refs()) == (None, ["refs/heads/main"])


def test_read_only_folders_are_removed(repo: Repository, worktree: Path, now: datetime) -> None:
    deep = worktree / "cache" / "module"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    deep.chmod(0o500)
    remove(repo, now)
    assert list(repo.project.worktrees_dir.rglob("file")) == []


def test_a_path_that_this_repository_did_not_create_is_never_removed(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    mine = repository.write(".huskies/worktrees/7/mine", "precious")
    with pytest.raises(HuskiesError) as raised:
        remove(repo, now)
    assert (raised.value.code, mine.read_text()) == ("not_ours", "precious")


@pytest.mark.parametrize("target", [".", "..", "../.."])
def test_a_link_to_the_repository_or_around_it_is_never_removed(
    repository: GitRepository, repo: Repository, now: datetime, target: str
) -> None:
    repo.project.worktrees_dir.mkdir()
    repo.project.worktree(7).symlink_to(repository.root / target)
    with pytest.raises(HuskiesError) as raised:
        remove(repo, now)
    assert (raised.value.code, repository.status()) == ("not_ours", [])


def test_a_worktree_of_another_repository_is_never_removed(
    repo: Repository, now: datetime, tmp_path: Path
) -> None:
    other = GitRepository(tmp_path / "other")
    repo.project.worktrees_dir.mkdir()
    other.git("worktree", "add", "--quiet", "--detach", str(repo.project.worktree(7)))
    with pytest.raises(HuskiesError) as raised:
        remove(repo, now)
    assert (raised.value.code, repo.project.worktree(7).is_dir()) == ("not_ours", True)


def test_the_next_call_completes_a_removal_killed_between_its_steps(
    repo: Repository, worktree: Path, now: datetime
) -> None:
    trash = repo.project.worktrees_dir / ".trash" / "killed"
    trash.mkdir(parents=True)
    worktree.rename(trash / "7")
    remove(repo, now)
    assert (present_worktrees(repo.project), list_rescues(repo), trash.exists()) == (frozenset(), (), False)
