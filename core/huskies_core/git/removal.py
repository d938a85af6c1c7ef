"""Removes a story's worktree, and never anything else or anything that is kept nowhere."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from huskies_core.errors import HuskiesError
from huskies_core.git.locks import git_locked, worktrees_locked
from huskies_core.git.repository import HEADS, Repository
from huskies_core.git.rescue import rescue_work
from huskies_core.git.worktrees import MADE, TRASH, branch_of, creation_note, recorded_paths, registration_of
from huskies_core.project import Project
from huskies_core.sanitize import is_number

_ASIDE = "huskies-removed-"
"""In the git directory: how the records of a removed worktree are named until they are deleted."""


@dataclass(frozen=True)
class Removed:
    """`rescue` is the ref that keeps what would have been lost; a branch in use elsewhere is kept."""

    story: int
    rescue: str | None
    branch_kept: bool


def remove_worktree(
    repo: Repository,
    story: int,
    *,
    base_tip: str,
    landed: str | None,
    keep_branch: bool,
    now: datetime,
    check: Callable[[], object] = lambda: None,
) -> Removed:
    """Removes the story's worktree and its branch, unless `keep_branch`; gone is fine.

    First rescues what neither `base_tip` nor `landed` (the tip that was squashed and landed) has. `check` is asked
    when no other can make or remove worktrees any more; what it raises ends this, with nothing changed.
    Raises HuskiesError `not_ours` for a path that this repository did not make. Killed in between, it leaves
    a rescue ref or a worktree without its mark, and the next call goes on. Call it outside `git_locked`.
    """
    branch = branch_of(story)
    with worktrees_locked(repo.project):
        check()
        refuse_foreign(repo.project, repo.project.worktree(story))
        tip = repo.branch_tip(branch)
        rescue = rescue_work(repo, story, base_tip=base_tip, landed=landed, now=now, branch_stays=keep_branch)
        with git_locked(repo.project):
            trash = unregister(repo.project, repo.project.worktree(story))
            kept = tip is not None and (keep_branch or not _delete_branch(repo, branch, tip))
            creation_note(repo.project, story).unlink(missing_ok=True)
        empty_trash(trash)
    return Removed(story, rescue, kept)


def refuse_foreign(project: Project, path: Path) -> None:
    """Raises HuskiesError `not_ours` unless `path` is free, empty or a worktree of this repository."""
    if not os.path.lexists(path):
        return
    real = Path(os.path.realpath(path))
    around = real == project.root or real in project.root.parents or real in project.git_dir.parents
    if path.is_symlink() or around or not path.is_dir() or not _is_ours(project, path):
        hint = "Look at it and move it away; Huskies removes only what it made."
        raise HuskiesError(f"{path} is in the way", hint=hint, code="not_ours", subject=str(path))


def _is_ours(project: Project, path: Path) -> bool:
    return registration_of(project, path) is not None or next(path.iterdir(), None) is None


def unregister(project: Project, path: Path) -> Path:
    """Takes the worktree at `path` out of its place and of git's records; the caller holds `git_locked`.

    What a killed call left of others' records goes, too. Returns the trash folder, for `empty`. git's own
    `worktree remove` refuses half-made ones.
    """
    for left in project.git_dir.glob(f"{_ASIDE}*"):
        shutil.rmtree(left)
    trash = path.parent / TRASH
    admin = registration_of(project, path)
    if admin is not None:
        (admin / MADE).unlink(missing_ok=True)
    if path.is_dir():
        trash.mkdir(exist_ok=True)
        path.rename(Path(mkdtemp(dir=trash), path.name))
    if admin is not None:
        _delete_whole(admin, project.git_dir / f"{_ASIDE}{admin.name}")
    return trash


def _delete_whole(folder: Path, aside: Path) -> None:
    """Deletes `folder` so that git sees it whole or not at all. Killed in between it leaves `aside`."""
    folder.rename(aside)
    shutil.rmtree(aside)


def empty_trash(trash: Path) -> None:
    """Deletes what was thrown away, read-only folders too. What another user owns stays for the next time."""
    for folder in _folders(trash):
        if not os.access(folder, os.W_OK | os.X_OK) and folder.stat().st_uid == os.getuid():
            folder.chmod(0o700)
    shutil.rmtree(trash, ignore_errors=True)


def _folders(top: Path) -> Iterator[Path]:
    """Every folder below `top`, each before those in it, so that the caller can open it up first."""
    if not top.is_dir():
        return
    yield top
    for folder, names, _ in os.walk(top):
        yield from (path for path in (Path(folder, name) for name in names) if not path.is_symlink())


def _delete_branch(repo: Repository, branch: str, tip: str) -> bool:
    """Whether the branch went: one that another worktree has checked out stays."""
    if repo.git("for-each-ref", "--format=%(worktreepath)", HEADS + branch):
        return False
    repo.git("update-ref", "-d", HEADS + branch, tip)
    return True


def missing_worktrees(project: Project) -> tuple[int, ...]:
    """The stories whose worktree is recorded and gone. Whose folder lies elsewhere is nobody's of ours."""
    return tuple(sorted(_lost(project)))


def unregister_missing(repo: Repository, story: int, *, base_tip: str, now: datetime) -> str | None:
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
        empty_trash(trash)
    return rescue


def _lost(project: Project) -> Iterator[int]:
    above = os.path.realpath(project.worktrees_dir)
    for path in recorded_paths(project):
        folder, name = os.path.split(path)
        if folder == above and is_number(name) and not os.path.lexists(path):
            yield int(name)
