import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from huskies_core.clock import utc_now
from huskies_core.errors import LockBusy
from huskies_core.git.create import WorktreeRequest, create_worktrees
from huskies_core.git.locks import clear_shared_locks, clear_worktree_locks, git_locked, shared_locks
from huskies_core.git.repository import Repository
from huskies_core.git.worktrees import checkout_of
from huskies_core.ids import StoryId
from huskies_core.project import Project
from support.git_repository import GitRepository
from support.waiting import wait_for_file

STALE = timedelta(seconds=60)
CHURNER = """
import os, sys
from contextlib import suppress
print("started", flush=True)
while True:
    for path in sys.argv[1:]:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    for path in sys.argv[1:]:
        with suppress(FileNotFoundError):
            os.unlink(path)
        if "/deep/" in path:
            os.rmdir(os.path.dirname(path))
"""
HOLDER = """
import sys
from pathlib import Path
from huskies_core.git.locks import git_locked
from huskies_core.project import find_repository
with git_locked(find_repository(Path(sys.argv[1]))):
    Path(sys.argv[2]).write_text("held")
    sys.stdin.read()
"""


@pytest.fixture
def holder(project: Project, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that holds the git lock until its standard input ends."""
    command = [sys.executable, "-c", HOLDER, str(project.root), str(tmp_path / "held")]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        wait_for_file(tmp_path / "held")
        yield process
        process.kill()


@pytest.mark.usefixtures("processes")
@pytest.mark.usefixtures("holder")
def test_the_lock_of_another_process_is_busy_after_the_wait(project: Project) -> None:
    with pytest.raises(LockBusy), git_locked(project, wait=0.05):
        pass


@pytest.mark.usefixtures("processes")
def test_the_lock_is_free_after_its_holder_was_killed(
    project: Project, holder: subprocess.Popen[bytes]
) -> None:
    holder.kill()
    with git_locked(project, wait=5):
        exists = project.git_lock.exists()
    assert exists


def make_stale(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_old_locks_in_the_shared_directory_are_removed(repo: Repository) -> None:
    git_dir = repo.project.git_dir
    names = ("config.lock", "index.lock", "refs/heads/feature/story-7.lock")
    locks = tuple(make_stale(git_dir / name) for name in names)
    later = utc_now() + STALE
    assert clear_shared_locks(repo, now=later) == locks
    assert (clear_shared_locks(repo, now=later), shared_locks(repo)) == ((), ())


def test_new_locks_stay(repo: Repository) -> None:
    lock = make_stale(repo.project.git_dir / "index.lock")
    assert (clear_shared_locks(repo, now=utc_now()), shared_locks(repo)) == ((), (lock,))


def test_locks_stay_while_a_git_works_on_the_repository(repo: Repository) -> None:
    make_stale(repo.project.git_dir / "index.lock")
    later = utc_now() + STALE
    command = ["git", "cat-file", "--batch"]
    with subprocess.Popen(command, cwd=repo.project.root, stdin=subprocess.PIPE) as process:
        cleared = clear_shared_locks(repo, now=later)
        process.communicate()
    assert (cleared, len(clear_shared_locks(repo, now=later))) == ((), 1)


def test_a_git_in_another_repository_does_not_matter(repo: Repository, tmp_path: Path) -> None:
    make_stale(repo.project.git_dir / "index.lock")
    other = GitRepository(tmp_path / "other")
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=other.root, stdin=subprocess.PIPE) as process:
        cleared = clear_shared_locks(repo, now=utc_now() + STALE)
        process.communicate()
    assert len(cleared) == 1


def test_the_lock_of_a_landing_is_left_to_its_recovery(repo: Repository) -> None:
    make_stale(repo.project.git_dir / "index.lock").write_text("huskies landing run 5\n")
    assert clear_shared_locks(repo, now=utc_now() + STALE) == ()


def test_the_locks_of_a_storys_worktree_are_removed_and_no_others(repo: Repository, now: datetime) -> None:
    requests = [
        WorktreeRequest(StoryId(story), repo.branch_tip("main") or "", known_branch=False) for story in (7, 8)
    ]
    create_worktrees(repo, requests, now=now)
    mine, other = (checkout_of(repo.project, StoryId(story)) for story in (7, 8))
    assert mine is not None
    assert other is not None
    locks = [make_stale(checkout.git_dir / "index.lock") for checkout in (mine, other)]
    assert clear_worktree_locks(repo, StoryId(7)) == (locks[0],)
    assert [lock.exists() for lock in locks] == [False, True]


@contextmanager
def churned(*paths: Path) -> Iterator[None]:
    """Let another process create and remove these lock files, again and again, for the length of the block."""
    command = [sys.executable, "-c", CHURNER, *map(str, paths)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
            assert process.poll() is None
        finally:
            process.kill()


@pytest.mark.usefixtures("processes")
def test_locks_that_disappear_during_the_search_are_skipped(repo: Repository, now: datetime) -> None:
    request = WorktreeRequest(StoryId(7), repo.branch_tip("main") or "", known_branch=False)
    create_worktrees(repo, [request], now=now)
    checkout, git_dir = checkout_of(repo.project, StoryId(7)), repo.project.git_dir
    assert checkout is not None
    shared = (git_dir / "index.lock", git_dir / "HEAD.lock", git_dir / "refs/heads/deep/x.lock")
    with churned(*shared, checkout.git_dir / "index.lock", checkout.git_dir / "deep/x.lock"):
        for _ in range(300):
            assert clear_shared_locks(repo, now=utc_now()) == ()
            clear_worktree_locks(repo, StoryId(7))
