"""Remove worktrees that Huskies created. Work that exists nowhere else is rescued first."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from msgspec import Struct

from huskies_core.errors import HuskiesError
from huskies_core.git.locks import git_locked, worktrees_locked
from huskies_core.git.repository import HEADS, Repository
from huskies_core.git.rescue import rescue_work
from huskies_core.git.worktrees import (
    MADE,
    TRASH,
    branch_of,
    creation_note,
    linked_worktrees,
    registration_of,
)
from huskies_core.ids import StoryId
from huskies_core.project import Project
from huskies_core.sanitize import is_number

_REMOVED_PREFIX = "huskies-removed-"
"""Prefix of the records of a removed worktree in the git directory, until they are deleted."""


class Removed(Struct, frozen=True):
    """`rescue` is the ref that keeps the lost work, if any. `branch_kept` also if another worktree uses the branch."""

    story: StoryId
    rescue: str | None
    branch_kept: bool


def remove_worktree(
    repo: Repository,
    story: StoryId,
    *,
    base_tip: str,
    landed: str | None,
    keep_branch: bool,
    now: datetime,
    check: Callable[[], object] = lambda: None,
) -> Removed:
    """Remove the story's worktree, if it exists, and its branch unless `keep_branch`.

    First rescue the work that neither `base_tip` nor `landed` (the tip that was squashed and landed) contains. `check`
    runs under the lock for worktrees; if it raises, nothing is changed. Raise HuskiesError `not_ours` for a path that
    this repository did not create. If it is killed, it leaves a rescue ref or a worktree without its mark, and the
    next call continues. Call it outside `git_locked`.
    """
    branch, path = branch_of(story), repo.project.worktree(story)
    with worktrees_locked(repo.project):
        check()
        refuse_foreign(repo.project, path)
        tip = repo.branch_tip(branch)
        rescue = rescue_work(repo, story, base_tip=base_tip, landed=landed, now=now, branch_stays=keep_branch)
        with git_locked(repo.project):
            trash = unregister(repo.project, path)
            kept = tip is not None and (keep_branch or not _delete_branch(repo, branch, tip))
            creation_note(repo.project, story).unlink(missing_ok=True)
        empty_trash(trash)
    return Removed(story, rescue, kept)


def missing_worktrees(project: Project) -> tuple[StoryId, ...]:
    """Return the stories with a worktree in git's records and without its folder, which a person deleted.

    Worktrees outside `.huskies/worktrees` are ignored.
    """
    folder = Path(os.path.realpath(project.worktrees_dir))
    missing = [item.path for item in linked_worktrees(project) if not os.path.lexists(item.path)]
    own = [path.name for path in missing if path.parent == folder and is_number(path.name)]
    return tuple(sorted(StoryId(int(name)) for name in own))


def unregister_missing(repo: Repository, story: StoryId, *, base_tip: str, now: datetime) -> str | None:
    """Remove git's record of a missing worktree and keep its branch. Return the rescue ref of its index and HEAD.

    `git worktree prune` would also forget the user's worktrees on a disk that is not mounted. A folder that exists
    again stays. If it is killed, it leaves a rescue, and the next call continues.
    """
    path = repo.project.worktree(story)
    with worktrees_locked(repo.project):
        if os.path.lexists(path):
            return None
        rescue = rescue_work(repo, story, base_tip=base_tip, landed=None, now=now, branch_stays=True)
        with git_locked(repo.project):
            trash = unregister(repo.project, path)
        empty_trash(trash)
    return rescue


def refuse_foreign(project: Project, path: Path) -> None:
    """Raise HuskiesError `not_ours` unless `path` is missing, empty or a worktree of this repository."""
    if not os.path.lexists(path):
        return
    real = Path(os.path.realpath(path))
    around = real == project.root or real in project.root.parents or real in project.git_dir.parents
    if path.is_symlink() or around or not path.is_dir() or not _is_ours(project, path):
        hint = "Look at it and move it away. Huskies removes only worktrees that it created."
        raise HuskiesError(
            f"{path} is not a worktree of this repository", hint=hint, code="not_ours", subject=str(path)
        )


def _is_ours(project: Project, path: Path) -> bool:
    return registration_of(project, path) is not None or next(path.iterdir(), None) is None


def unregister(project: Project, path: Path) -> Path:
    """Move the worktree at `path` to the trash and delete git's record of it. Call it in `git_locked`.

    Also delete the records that killed calls left. Return the trash folder, for `empty_trash`. `git worktree remove`
    refuses worktrees that are not complete.
    """
    for records in project.git_dir.glob(f"{_REMOVED_PREFIX}*"):
        shutil.rmtree(records)
    trash = path.parent / TRASH
    admin = registration_of(project, path)
    if admin is not None:
        (admin / MADE).unlink(missing_ok=True)
    if path.is_dir():
        trash.mkdir(exist_ok=True)
        path.rename(Path(mkdtemp(dir=trash), path.name))
    if admin is not None:
        # A rename first: git sees the record as a whole or not at all. A killed call leaves the renamed folder.
        removed = project.git_dir / f"{_REMOVED_PREFIX}{admin.name}"
        admin.rename(removed)
        shutil.rmtree(removed)
    return trash


def empty_trash(trash: Path) -> None:
    """Delete the trash folder with all in it, read-only folders too. Files of another user stay for the next call."""
    for folder in _folders(trash):
        if not os.access(folder, os.W_OK | os.X_OK) and folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)
    shutil.rmtree(trash, ignore_errors=True)


def _folders(top: Path) -> Iterator[Path]:
    """Yield `top` and every folder below it, parents first, so the caller can make each one readable in time."""
    if not top.is_dir():
        return
    yield top
    for folder, names, _ in os.walk(top):
        yield from (path for path in (Path(folder, name) for name in names) if not path.is_symlink())


def _delete_branch(repo: Repository, branch: str, tip: str) -> bool:
    """Delete the branch. Return False if another worktree has it checked out."""
    if repo.git("for-each-ref", "--format=%(worktreepath)", HEADS + branch):
        return False
    repo.git("update-ref", "-d", HEADS + branch, tip)
    return True
