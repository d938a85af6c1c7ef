"""Locks for git work on the shared directory, and removal of lock files that a killed git left."""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from huskies_core.errors import LockBusy
from huskies_core.file_lock import file_locked
from huskies_core.git.repository import Repository
from huskies_core.git.worktrees import checkout_of, linked_worktrees
from huskies_core.ids import StoryId
from huskies_core.project import Project

if TYPE_CHECKING:
    import psutil

LANDING_PREFIX = "huskies landing "
_STALE_SECS = 10
_POLL_SECS = 0.005


def git_locked(project: Project, *, wait: float = 60.0) -> AbstractContextManager[None]:
    """Hold the one lock for git work on the shared directory. Not reentrant. Raise LockBusy after `wait` seconds."""
    busy = LockBusy("another Huskies command uses git on this repository")
    return file_locked(project.git_lock, wait=wait, busy=busy, poll_secs=_POLL_SECS)


def worktrees_locked(project: Project, *, wait: float = 600.0) -> AbstractContextManager[None]:
    """Prevent other commands from creating or removing worktrees.

    Without this lock they would mistake an unfinished worktree for one that a killed call left.
    """
    busy = LockBusy("another Huskies command creates or removes worktrees")
    path = project.state_dir / "worktrees.lock"
    return file_locked(path, wait=wait, busy=busy, poll_secs=_POLL_SECS)


def clear_worktree_locks(repo: Repository, story: StoryId) -> tuple[Path, ...]:
    """Remove and return the lock files of the story's own git directory. The caller has proved its run dead."""
    checkout = checkout_of(repo.project, story)
    if checkout is None:
        return ()
    stats = _stats(_lock_files(checkout.git_dir))
    return tuple(path for path, stat in stats.items() if _remove_unchanged(path, stat))


def shared_locks(repo: Repository) -> tuple[Path, ...]:
    """Return the lock files in the shared git directory, except a landing's, which only its recovery removes."""
    git_dir = repo.project.git_dir
    paths = [*git_dir.glob("*.lock"), *_lock_files(git_dir / "refs")]
    return tuple(sorted(path for path in paths if not _is_landing_lock(path)))


def clear_shared_locks(repo: Repository, *, now: datetime) -> tuple[Path, ...]:
    """Remove and return lock files older than 10 s, unless a git process of this user is running. Call it in
    `git_locked`.

    A git in another container or of another user is not visible, hence the age.
    """
    stats = _stats(shared_locks(repo))
    stale = [path for path, stat in stats.items() if now.timestamp() - stat.st_mtime > _STALE_SECS]
    if not stale or git_is_running(repo.project):
        return ()
    return tuple(path for path in stale if _remove_unchanged(path, stats[path]))


def _is_landing_lock(path: Path) -> bool:
    if path.name != "index.lock":
        return False
    with suppress(FileNotFoundError), path.open("rb") as stream:
        return stream.read(len(LANDING_PREFIX)) == LANDING_PREFIX.encode()
    return False


def _lock_files(folder: Path) -> Iterator[Path]:
    """Yield the lock files below the folder. Unlike `rglob`, accept folders that another process removes."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names if name.endswith(".lock"))


def _stats(paths: Iterable[Path]) -> dict[Path, os.stat_result]:
    """Return the status of each file, sorted by path. Omit files that another process has removed."""
    stats = ((path, _lstat_or_none(path)) for path in sorted(paths))
    return {path: stat for path, stat in stats if stat is not None}


def _lstat_or_none(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _remove_unchanged(path: Path, before: os.stat_result) -> bool:
    """Remove the file unless another process has removed or replaced it."""
    stat = _lstat_or_none(path)
    if stat is None or (stat.st_ino, stat.st_mtime_ns) != (before.st_ino, before.st_mtime_ns):
        return False
    path.unlink(missing_ok=True)
    return True


def git_is_running(project: Project) -> bool:
    """Return whether a git process of this user works on this repository, or cannot be inspected."""
    import psutil

    uid = os.getuid()
    worktrees = (str(worktree.path) for worktree in linked_worktrees(project))
    repository = (str(project.root), str(project.git_dir), *worktrees)
    for process in psutil.process_iter(["name", "uids", "status"]):
        name, uids, status = (process.info[key] for key in ("name", "uids", "status"))
        is_git = str(name or "").startswith("git") and uids is not None and uids.real == uid
        if is_git and status != "zombie" and _works_in(process, repository):
            return True
    return False


def _works_in(process: "psutil.Process", repository: tuple[str, ...]) -> bool:
    import psutil

    try:
        environment = process.environ()
        variables = [environment.get(name, "") for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR")]
        # An argument may be an option with a path, such as --git-dir=PATH.
        paths = [process.cwd(), *variables, *(word.partition("=")[2] or word for word in process.cmdline())]
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return any(path == folder or path.startswith(f"{folder}/") for path in paths for folder in repository)
