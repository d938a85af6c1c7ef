import json
from collections.abc import Callable
from datetime import datetime

import pytest

from huskies_core.git.create import WorktreeRequest, create_worktrees
from huskies_core.git.landing import land
from huskies_core.git.removal import remove_worktree
from huskies_core.git.repository import Repository
from huskies_core.git.settings import Fingerprint, differences, take_fingerprint
from huskies_core.ids import StoryId
from huskies_core.merge_results import Landed
from support.git_repository import GitRepository


def change_bare(repository: GitRepository) -> None:
    repository.git("config", "core.bare", "true")


def add_remote(repository: GitRepository) -> None:
    repository.git("remote", "add", "evil", "https://token@example.org/x")


def move_hooks(repository: GitRepository) -> None:
    repository.git("config", "core.hooksPath", "elsewhere")


def add_hook(repository: GitRepository) -> None:
    repository.write(".git/hooks/pre-commit", "#!/bin/sh\n")


def edit_hook(repository: GitRepository) -> None:
    repository.write(".git/hooks/commit-msg", "#!/bin/sh\nfalse\n")


def remove_hook(repository: GitRepository) -> None:
    (repository.root / ".git/hooks/commit-msg").unlink()


def switch(repository: GitRepository) -> None:
    repository.checkout("other", new=True)


def detach(repository: GitRepository) -> None:
    repository.git("checkout", "--quiet", "--detach")


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (change_bare, ("git config: core.bare was changed",)),
        (add_remote, ("git config: remote.evil.fetch was added", "git config: remote.evil.url was added")),
        (move_hooks, ("git config: core.hookspath was added", "hook commit-msg was removed")),
        (add_hook, ("hook pre-commit was added",)),
        (edit_hook, ("hook commit-msg was changed",)),
        (remove_hook, ("hook commit-msg was removed",)),
        (switch, ("the main checkout went from main to other",)),
        (detach, ("the main checkout went from main to a detached HEAD",)),
    ],
)
def test_each_change_is_described(
    repository: GitRepository,
    repo: Repository,
    change: Callable[[GitRepository], None],
    sentences: tuple[str, ...],
) -> None:
    repository.write(".git/hooks/commit-msg", "#!/bin/sh\n")
    before = take_fingerprint(repo)
    change(repository)
    assert (differences(before, take_fingerprint(repo)), differences(before, before)) == (sentences, ())


def test_the_fingerprint_contains_no_secret_and_survives_json(
    repository: GitRepository, repo: Repository
) -> None:
    add_remote(repository)
    taken = take_fingerprint(repo)
    stored = json.dumps(taken.to_json())
    assert ("token" in stored, Fingerprint.from_json(json.loads(stored))) == (False, taken)


def test_operations_of_huskies_do_not_change_the_fingerprint(
    repository: GitRepository, repo: Repository, now: datetime
) -> None:
    tip = repository.commit_id()
    before = take_fingerprint(repo)
    create_worktrees(repo, [WorktreeRequest(StoryId(7), tip, known_branch=False)], now=now)
    commit = repository.commit_file("work", "1", cwd=repo.project.worktree(7))
    assert land(repo, base_branch="main", tip=tip, commit=commit, mark="run 1") == Landed(commit)
    remove_worktree(repo, StoryId(7), base_tip=commit, landed=commit, keep_branch=False, now=now)
    assert differences(before, take_fingerprint(repo)) == ()
