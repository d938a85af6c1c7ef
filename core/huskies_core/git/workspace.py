"""The one worktree in which gates judge a commit before it lands."""

from pathlib import Path

from huskies_core.git.included_files import copy_included, included_files
from huskies_core.git.locks import git_locked, worktrees_locked
from huskies_core.git.removal import empty, refuse_foreign, unregister
from huskies_core.git.repository import Checkout, GitError, Repository
from huskies_core.git.worktrees import registration_of


def check_out(repo: Repository, commit: str) -> Path:
    """Makes `.huskies/merge_workspace` anew, detached at `commit`, with the files of `.worktreeinclude`.

    Nothing of an earlier merge stays in it: gates judge the commit and nothing else. Call it outside
    `git_locked`. Raises HuskiesError `not_ours` when another directory is in its place.
    """
    project, path = repo.project, repo.project.merge_workspace
    with worktrees_locked(project):
        refuse_foreign(project, path)
        with git_locked(project):
            trash = unregister(project, path)
            repo.git("worktree", "add", "--quiet", "--no-checkout", "--detach", str(path), commit)
        empty(trash)
        admin = registration_of(project, path)
        if admin is None:
            raise GitError("worktree add", 0, f"{path} is not registered")
        repo.git("read-tree", "-m", "-u", "HEAD", at=Checkout(path, admin))
        copy_included(project.root, included_files(repo), path)
    return path
