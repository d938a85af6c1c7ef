"""Worktrees of ours that git still has in its records though their folder was deleted by hand."""

import os
from collections.abc import Iterator
from datetime import datetime

from huskies_core.git.locks import git_locked, worktrees_locked
from huskies_core.git.removal import empty, unregister
from huskies_core.git.repository import Repository
from huskies_core.git.rescue import rescue_work
from huskies_core.git.worktrees import recorded_paths
from huskies_core.project import Project
from huskies_core.sanitize import is_number


def lost_folders(project: Project) -> tuple[int, ...]:
    """The stories whose worktree is recorded and gone. Whose folder lies elsewhere is nobody's of ours."""
    return tuple(sorted(_lost(project)))


def forget_lost(repo: Repository, story: int, *, base_tip: str, now: datetime) -> str | None:
    """Takes the record away, once what its index or HEAD alone led to is kept; the branch stays. Returns the rescue.

    Not `git worktree prune`, which would forget the user's worktrees on a disk that is not mounted, too. A folder that
    is there again stays. Killed in between it leaves a rescue, and the next call goes on.
    """
    path = repo.project.worktree(story)
    with worktrees_locked(repo.project):
        if os.path.lexists(path):
            return None
        rescue = rescue_work(repo, story, base_tip=base_tip, landed=None, now=now, branch_stays=True)
        with git_locked(repo.project):
            trash = unregister(repo.project, path)
        empty(trash)
    return rescue


def _lost(project: Project) -> Iterator[int]:
    above = os.path.realpath(project.worktrees_dir)
    for path in recorded_paths(project):
        folder, name = os.path.split(path)
        if folder == above and is_number(name) and not os.path.lexists(path):
            yield int(name)
