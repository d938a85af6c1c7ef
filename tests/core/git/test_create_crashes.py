"""Calls that create or remove worktrees and are killed with their children, and the next call."""

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from huskies_core.clock import utc_now
from huskies_core.git.create import CreatedWorktree, WorktreeRequest, create_worktrees
from huskies_core.git.locks import clear_shared_locks, git_locked
from huskies_core.git.removal import remove_worktree
from huskies_core.git.repository import Repository
from huskies_core.git.rescue import list_rescues
from huskies_core.git.worktrees import made_worktrees, present_worktrees
from huskies_core.ids import StoryId
from support.git_repository import GitRepository
from support.waiting import wait_until

STORIES = range(1, 21)
SCRIPT = """
import sys
from pathlib import Path
from huskies_core.clock import utc_now
from huskies_core.git.create import WorktreeRequest, create_worktrees
from huskies_core.git.removal import remove_worktree
from huskies_core.git.repository import Repository
from huskies_core.project import find_repository

verb, root, tip, *stories = sys.argv[1:]
with Repository(find_repository(Path(root))) as repo:
    if verb == "make":
        requests = [WorktreeRequest(int(story), tip, known_branch=False) for story in stories]
        create_worktrees(repo, requests, now=utc_now())
    else:
        for story in stories:
            remove_worktree(repo, int(story), base_tip=tip, landed=None, keep_branch=False, now=utc_now())
"""


def killed(repo: Repository, verb: str, tip: str, *, when: int) -> None:
    """Run the script and kill it with its gits once `when` stories have a directory, or no longer have one."""
    command = [sys.executable, "-c", SCRIPT, verb, str(repo.project.root), tip, *map(str, STORIES)]
    folder = repo.project.worktrees_dir

    def directories() -> int:
        return sum(path.name.isdecimal() for path in folder.iterdir()) if folder.is_dir() else 0

    with subprocess.Popen(command, start_new_session=True) as process:
        wait_until(lambda: process.poll() is not None or (directories() >= when) == (verb == "make"))
        os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def tip(repository: GitRepository) -> str:
    for number in range(30):
        repository.write(f"folder/file{number}", f"{number}\n")
    return repository.commit_all()


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("when", [1, 7, 20])
def test_the_next_call_completes_worktrees_of_a_creator_killed_at_any_moment(
    repository: GitRepository, repo: Repository, now: datetime, tip: str, when: int
) -> None:
    killed(repo, "make", tip, when=when)
    with git_locked(repo.project):
        clear_shared_locks(repo, now=utc_now() + timedelta(seconds=60))
    results = create_worktrees(
        repo, [WorktreeRequest(StoryId(story), tip, known_branch=False) for story in STORIES], now=now
    )
    assert [result for result in results if not isinstance(result, CreatedWorktree)] == []
    status = {line for story in STORIES for line in repository.status(cwd=repo.project.worktree(story))}
    assert (sorted(made_worktrees(repo.project)), status) == (list(STORIES), set())


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("when", [19, 12])
def test_the_next_call_completes_a_removal_killed_at_any_moment_without_loss(
    repository: GitRepository, repo: Repository, now: datetime, tip: str, when: int
) -> None:
    create_worktrees(
        repo, [WorktreeRequest(StoryId(story), tip, known_branch=False) for story in STORIES], now=now
    )
    for story in STORIES:
        repository.write("work", f"{story}\n", cwd=repo.project.worktree(story))
    killed(repo, "remove", tip, when=when)
    with git_locked(repo.project):
        clear_shared_locks(repo, now=utc_now() + timedelta(seconds=60))
    for story in STORIES:
        remove_worktree(repo, StoryId(story), base_tip=tip, landed=None, keep_branch=False, now=now)
    kept = {rescue.story: repository.read("work", rescue.commit) for rescue in list_rescues(repo)}
    expected = {story: f"{story}\n" for story in STORIES}
    assert (kept, present_worktrees(repo.project), repository.git("branch", "--list", "feature/*")) == (
        expected,
        frozenset(),
        "",
    )


@pytest.mark.bench
def test_worktrees_cost_little_more_than_git_itself(
    repository: GitRepository, repo: Repository, now: datetime, tip: str
) -> None:
    started = utc_now()
    for story in range(200):
        path = repo.project.root.parent / "bare" / str(story)
        repository.git("worktree", "add", "--quiet", "-b", f"bare-{story}", str(path), tip)
    bare = utc_now() - started
    started = utc_now()
    results = create_worktrees(
        repo, [WorktreeRequest(StoryId(story), tip, known_branch=False) for story in range(200)], now=now
    )
    ours = utc_now() - started
    assert (len(results), ours / bare <= 1.3) == (200, True)
