"""Who may use git on the shared directory, and what becomes of lock files that a killed git left behind."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from huskies_core.errors import LockBusy
from huskies_core.git.repository import Repository
from huskies_core.git.worktrees import checkout_of
from huskies_core.project import Project

if TYPE_CHECKING:
    import psutil

LANDING_PREFIX = "huskies landing "
_STALE_SECS = 10
_POLL_SECS = 0.005


@contextmanager
def git_locked(project: Project, *, wait: float = 60.0) -> Iterator[None]:
    """Holds the one lock for git work on the shared directory. Not reentrant.

    The kernel frees it when the process dies. Raises LockBusy after `wait` seconds.
    """
    with _locked(project.git_lock, wait, "another Huskies command uses git on this repository"):
        yield


@contextmanager
def worktrees_locked(project: Project, *, wait: float = 600.0) -> Iterator[None]:
    """Holds off others that make or remove worktrees: one in the making looks like a half-made one."""
    path = project.state_dir / "worktrees.lock"
    with _locked(path, wait, "another Huskies command makes or removes worktrees"):
        yield


@contextmanager
def _locked(path: Path, wait: float, busy: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=wait, poll_interval=_POLL_SECS, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise LockBusy(busy) from error
    try:
        yield
    finally:
        lock.release()


def clear_worktree_locks(repo: Repository, story: int) -> tuple[Path, ...]:
    """Removes the lock files of the story's own git directory. The caller has proved its run dead."""
    checkout = checkout_of(repo.project, story)
    if checkout is None:
        return ()
    found = sorted(path for path in checkout.git_dir.rglob("*.lock") if path.is_file())
    return tuple(path for path in found if _remove_unchanged(path, path.lstat()))


def shared_locks(repo: Repository) -> tuple[Path, ...]:
    """The lock files in the shared git directory but a landing's, which only its recovery ends."""
    git_dir = repo.project.git_dir
    found = [*git_dir.glob("*.lock"), *(git_dir / "refs").rglob("*.lock")]
    return tuple(sorted(path for path in found if not _is_landing(path)))


def clear_shared_locks(repo: Repository, *, now: datetime) -> tuple[Path, ...]:
    """Removes lock files older than 10 s, unless a git of this user may be at work. Call it in `git_locked`.

    Returns what it removed. A git in another container or of another user is not seen: hence the age.
    """
    stats = {path: path.lstat() for path in shared_locks(repo)}
    stale = [path for path, stat in stats.items() if now.timestamp() - stat.st_mtime > _STALE_SECS]
    if not stale or git_is_running(repo.project):
        return ()
    return tuple(path for path in stale if _remove_unchanged(path, stats[path]))


def _is_landing(path: Path) -> bool:
    if path.name != "index.lock":
        return False
    with path.open("rb") as stream:
        return stream.read(len(LANDING_PREFIX)) == LANDING_PREFIX.encode()


def _remove_unchanged(path: Path, seen: os.stat_result) -> bool:
    try:
        here = path.lstat()
    except FileNotFoundError:
        return False
    if (here.st_ino, here.st_mtime_ns) != (seen.st_ino, seen.st_mtime_ns):
        return False
    path.unlink()
    return True


def git_is_running(project: Project) -> bool:
    """Whether a git of this user works on this repository, or one whose place cannot be told."""
    import psutil

    uid = os.getuid()
    processes = psutil.process_iter(["name", "uids", "status"])
    return any(_works_here(process, project) for process in processes if _is_git_of(process, uid))


def _is_git_of(process: "psutil.Process", uid: int) -> bool:
    info = process.info
    named = str(info["name"] or "").startswith("git")
    return named and info["uids"] is not None and info["uids"].real == uid and info["status"] != "zombie"


def _works_here(process: "psutil.Process", project: Project) -> bool:
    import psutil

    try:
        places = [process.cwd(), *process.cmdline(), *_bound_to(process.environ())]
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return any(_is_inside(place, repository) for place in places for repository in _places(project))


def _bound_to(environment: dict[str, str]) -> Iterable[str]:
    names = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR")
    return (environment[name] for name in names if name in environment)


def _is_inside(place: str, repository: str) -> bool:
    path = place.partition("=")[2] or place
    return path == repository or path.startswith(repository + "/")


def _places(project: Project) -> tuple[str, ...]:
    """The main checkout, the shared directory and every linked worktree, as their own records name them."""
    linked = (_line(record) for record in (project.git_dir / "worktrees").glob("*/gitdir"))
    return (str(project.root), str(project.git_dir), *(str(Path(line).parent) for line in linked if line))


def _line(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape").strip()
    except FileNotFoundError:
        return ""
