"""Locks for git work on the shared directory, and removal of lock files that a killed git left."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from huskies_core.errors import LockBusy
from huskies_core.file_lock import file_locked
from huskies_core.git.repository import Repository
from huskies_core.git.worktrees import checkout_of
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
    """Let no other command create or remove worktrees: it would take an unfinished one for that of a killed call."""
    busy = LockBusy("another Huskies command creates or removes worktrees")
    path = project.state_dir / "worktrees.lock"
    return file_locked(path, wait=wait, busy=busy, poll_secs=_POLL_SECS)


def clear_worktree_locks(repo: Repository, story: StoryId) -> tuple[Path, ...]:
    """Remove and return the lock files of the story's own git directory. The caller has proved its run dead."""
    checkout = checkout_of(repo.project, story)
    if checkout is None:
        return ()
    paths = sorted(path for path in checkout.git_dir.rglob("*.lock") if path.is_file())
    return tuple(path for path in paths if _remove_unchanged(path, path.lstat()))


def shared_locks(repo: Repository) -> tuple[Path, ...]:
    """Return the lock files in the shared git directory, except a landing's, which only its recovery removes."""
    git_dir = repo.project.git_dir
    paths = [*git_dir.glob("*.lock"), *(git_dir / "refs").rglob("*.lock")]
    return tuple(sorted(path for path in paths if not _is_landing_lock(path)))


def clear_shared_locks(repo: Repository, *, now: datetime) -> tuple[Path, ...]:
    """Remove and return lock files older than 10 s, unless a git process of this user is running. Call it in
    `git_locked`.

    A git in another container or of another user is not visible, hence the age.
    """
    stats = {path: path.lstat() for path in shared_locks(repo)}
    stale = [path for path, stat in stats.items() if now.timestamp() - stat.st_mtime > _STALE_SECS]
    if not stale or git_is_running(repo.project):
        return ()
    return tuple(path for path in stale if _remove_unchanged(path, stats[path]))


def _is_landing_lock(path: Path) -> bool:
    if path.name != "index.lock":
        return False
    with path.open("rb") as stream:
        return stream.read(len(LANDING_PREFIX)) == LANDING_PREFIX.encode()


def _remove_unchanged(path: Path, before: os.stat_result) -> bool:
    """Remove the file unless another process has replaced it."""
    try:
        stat = path.lstat()
    except FileNotFoundError:
        return False
    if (stat.st_ino, stat.st_mtime_ns) != (before.st_ino, before.st_mtime_ns):
        return False
    path.unlink()
    return True


def git_is_running(project: Project) -> bool:
    """Return whether a git process of this user works on this repository, or cannot be inspected."""
    import psutil

    uid = os.getuid()
    repositories = _repository_paths(project)
    processes = psutil.process_iter(["name", "uids", "status"])
    return any(_works_in(process, repositories) for process in processes if _is_git_of(process, uid))


def _is_git_of(process: "psutil.Process", uid: int) -> bool:
    info = process.info
    is_git = str(info["name"] or "").startswith("git")
    return is_git and info["uids"] is not None and info["uids"].real == uid and info["status"] != "zombie"


def _works_in(process: "psutil.Process", repositories: tuple[str, ...]) -> bool:
    import psutil

    try:
        paths = [process.cwd(), *process.cmdline(), *_git_variables(process.environ())]
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return any(_is_inside(path, repository) for path in paths for repository in repositories)


def _git_variables(environment: dict[str, str]) -> Iterator[str]:
    names = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR")
    return (environment[name] for name in names if name in environment)


def _is_inside(argument: str, repository: str) -> bool:
    """`argument` is a path, or an option with a path, such as --git-dir=PATH."""
    path = argument.partition("=")[2] or argument
    return path == repository or path.startswith(repository + "/")


def _repository_paths(project: Project) -> tuple[str, ...]:
    """Return the main checkout, the shared directory and every linked worktree, by git's own records."""
    records = (_read_line(record) for record in (project.git_dir / "worktrees").glob("*/gitdir"))
    worktrees = (str(Path(record).parent) for record in records if record)
    return (str(project.root), str(project.git_dir), *worktrees)


def _read_line(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape").strip()
    except FileNotFoundError:
        return ""
