import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from huskies_core.git.create import WorktreeRequest, create_worktrees
from huskies_core.git.repository import GitError, Repository
from huskies_core.git.worktrees import checkout_of
from huskies_core.ids import StoryId
from huskies_core.project import find_repository
from huskies_core.supervisor.processes import find_process
from support.git_repository import GitRepository
from support.waiting import wait_until


def test_refs_lead_to_commits(repository: GitRepository, repo: Repository) -> None:
    tip = repository.commit_id()
    repository.git("tag", "-a", "-m", "x", "annotated")
    asked = ("main", "refs/heads/main", "annotated", tip, "missing", "f" * 40, "main:README", "--help", "a b")
    assert [repo.commit_id(ref) for ref in asked] == [tip, tip, tip, tip, None, None, None, None, None]


def test_a_branch_is_distinct_from_a_tag_of_its_name(repository: GitRepository, repo: Repository) -> None:
    repository.commit_file("x", "1")
    repository.git("tag", "main", "HEAD^")
    assert repo.branch_tip("main") == repository.commit_id("refs/heads/main")


def test_git_is_killed_after_the_timeout(repo: Repository, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    ran = repo.run("-c", f"alias.wait=!echo $$ >{pid}; exec sleep 100", "wait", timeout=1)
    assert ran.status < 0
    wait_until(lambda: find_process(int(pid.read_text())) is None, what="the end of what git had started")


def test_the_branch_of_the_main_checkout(repository: GitRepository, repo: Repository) -> None:
    branches = [repo.checked_out_branch()]
    repository.checkout("some/other", new=True)
    branches.append(repo.checked_out_branch())
    repository.git("checkout", "--quiet", "--detach")
    branches.append(repo.checked_out_branch())
    assert branches == ["main", "some/other", None]


def test_a_repository_without_commits(tmp_path: Path) -> None:
    unborn = GitRepository(tmp_path / "unborn", commits=False)
    with Repository(find_repository(unborn.root)) as repo:
        assert (repo.has_commits(), repo.checked_out_branch(), repo.branch_tip("main")) == (
            False,
            "main",
            None,
        )


def test_a_failure_contains_the_message_of_git(repo: Repository) -> None:
    with pytest.raises(GitError) as raised:
        repo.git("rev-list", "missing")
    assert (raised.value.code, raised.value.status, "missing" in raised.value.stderr) == (
        "git_failed",
        128,
        True,
    )


def test_an_ancestor_of_an_invalid_id_is_an_error(repo: Repository) -> None:
    with pytest.raises(GitError):
        repo.is_ancestor("f" * 40, "main")


def test_git_works_although_an_agent_set_core_bare(repository: GitRepository, repo: Repository) -> None:
    repository.git("config", "core.bare", "true")
    assert repo.git("status", "--porcelain", "--untracked-files=no") == ""


def test_a_missing_worktree_is_not_confused_with_the_repository_around_it(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    create_worktrees(repo, [WorktreeRequest(StoryId(7), repository.commit_id(), known_branch=False)], now=now)
    checkout = checkout_of(repo.project, StoryId(7))
    assert checkout is not None
    (checkout.path / ".git").unlink()
    inside = repo.git("symbolic-ref", "HEAD", at=checkout)
    shutil.rmtree(checkout.path)
    assert (inside, repo.git("symbolic-ref", "HEAD", at=checkout)) == ("refs/heads/feature/story-7",) * 2
    shutil.rmtree(checkout.git_dir)
    with pytest.raises(GitError):
        repo.git("symbolic-ref", "HEAD", at=checkout)


def test_paths_that_are_not_utf8_stay_unchanged(repository: GitRepository, repo: Repository) -> None:
    name = os.fsdecode(b"caf\xe9")
    (repository.root / name).write_text("x")
    repo.git("add", "--", name)
    assert repo.git("ls-files", "-z") == f"README\0{name}\0"


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("module", ["worktrees", "locks", "create", "landing", "branch_state", "settings"])
def test_importing_loads_neither_gitpython_nor_filelock(module: str) -> None:
    program = (
        f"import sys, huskies_core.git.{module}; print({{'git', 'filelock', 'psutil'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_the_text_of_a_file_at_a_commit(repository: GitRepository, repo: Repository) -> None:
    commit = repository.commit_file(".huskies/project.toml", "a = 1\n\n", message="config")
    repository.git(
        "update-index", "--add", "--cacheinfo", f"100644,{repository.git('hash-object', '-w', 'README')},[x]*"
    )
    repository.git("commit", "--quiet", "-m", "odd")
    assert (
        repo.text_at(commit, "README"),
        repo.text_at(commit, "missing"),
        repo.text_at(commit, "."),
        repo.text_at("HEAD", "[x]*"),
    ) == ("first\n", None, None, "first\n")


def test_a_missing_commit_is_no_missing_file(repo: Repository) -> None:
    with pytest.raises(GitError):
        repo.text_at("0" * 40, "README")


def test_a_commit_is_on_the_base_if_the_branch_contains_it(
    repository: GitRepository, repo: Repository
) -> None:
    first = repository.commit_id()
    repository.checkout("other", new=True)
    second = repository.commit_file("x", "1")
    answers = [
        repo.is_on_branch(commit, "main")
        for commit in (first, first[:10], second, "0" * 40, "nonsense", "-x")
    ]
    assert (answers, repo.is_on_branch(first, "missing")) == ([True, True, False, False, False, False], False)
