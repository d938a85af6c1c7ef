"""Create worktrees: one per story, and the workspace in which gates check a merge.

Git registers worktrees one after the other under the git lock; the files of several are checked out in parallel.
"""

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from huskies_core.errors import HuskiesError
from huskies_core.git.locks import git_locked, worktrees_locked
from huskies_core.git.removal import empty_trash, refuse_foreign, unregister
from huskies_core.git.repository import HEADS, Checkout, GitError, Repository, split_nul
from huskies_core.git.rescue import has_files, rescue_work
from huskies_core.git.worktrees import (
    branch_of,
    checkout_of,
    creation_note,
    is_made,
    mark_made,
    occupied_worktrees,
    registration_of,
)
from huskies_core.ids import StoryId
from huskies_core.project import STATE_FOLDER

INCLUDE_FILE = ".worktreeinclude"
BRANCH_EXISTS = "branch exists"


class WorktreeRequest(Struct, frozen=True):
    """`known_branch`: Huskies created the story's branch before. If it exists, the worktree continues it."""

    story: StoryId
    base_commit: str
    known_branch: bool


class CreatedWorktree(Struct, frozen=True):
    story: StoryId
    branch: str
    head: str
    new_branch: bool


class RefusedWorktree(Struct, frozen=True):
    """`reason` is BRANCH_EXISTS, "path in the way" or "failed" (a later call may succeed)."""

    story: StoryId
    reason: str
    detail: str


CreateResult = CreatedWorktree | RefusedWorktree


class _Registered(Struct, frozen=True):
    """A worktree in git's records without checked out files."""

    worktree: CreatedWorktree
    checkout: Checkout


def create_worktrees(
    repo: Repository, requests: Sequence[WorktreeRequest], *, now: datetime
) -> tuple[CreateResult, ...]:
    """Create the worktrees that are missing and return a result for each request, in order.

    If it is killed, it leaves worktrees without their mark. The next call rescues the work in them, removes them and
    creates them again. Call it outside `git_locked`.
    """
    with worktrees_locked(repo.project):
        with git_locked(repo.project):
            registered = _register_all(repo, requests, now)
        files = _included_files(repo)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return tuple(pool.map(lambda result: _check_out(repo, result, files), registered))


def _register_all(
    repo: Repository, requests: Sequence[WorktreeRequest], now: datetime
) -> list[CreateResult | _Registered]:
    occupied = occupied_worktrees(repo.project, [request.story for request in requests])
    for story in occupied:
        _drop_broken_record(repo, story)
    tips = _branch_tips(repo, [branch_of(request.story) for request in requests])
    return [
        _register(
            repo, request, tips.get(branch_of(request.story)), occupied=request.story in occupied, now=now
        )
        for request in requests
    ]


def _drop_broken_record(repo: Repository, story: StoryId) -> None:
    """Remove a record with an empty `commondir`: git was killed while it wrote that file.

    Every `git worktree` command of the repository fails on such a record. Git had not checked out a file yet.
    """
    checkout = checkout_of(repo.project, story)
    if checkout is None:
        return
    common = checkout.git_dir / "commondir"
    is_empty = common.exists() and common.stat().st_size == 0
    if is_empty and not has_files(checkout.path):
        empty_trash(unregister(repo.project, checkout.path))


def _branch_tips(repo: Repository, branches: Sequence[str]) -> dict[str, str]:
    """Return the tips of those branches that exist, by one git process."""
    refs = (HEADS + branch for branch in branches)
    lines = repo.git("for-each-ref", "--format=%(refname) %(objectname)", *refs).splitlines()
    pairs = (line.split(" ") for line in lines)
    return {ref.removeprefix(HEADS): tip for ref, tip in pairs}


def _register(
    repo: Repository, request: WorktreeRequest, tip: str | None, *, occupied: bool, now: datetime
) -> CreateResult | _Registered:
    """Register the worktree in git. `occupied` is true if its path exists or git has a record of it."""
    story, branch = request.story, branch_of(request.story)
    if is_made(repo.project, story):
        return CreatedWorktree(story, branch, tip or request.base_commit, not request.known_branch)
    if tip is not None and not (request.known_branch or _was_begun(repo, story, tip)):
        return RefusedWorktree(story, BRANCH_EXISTS, branch)
    try:
        if occupied:
            _clear_unfinished(repo, request, now)
        return _add_worktree(repo, request, tip)
    except HuskiesError as error:
        reason = "path in the way" if error.code == "not_ours" else "failed"
        return RefusedWorktree(story, reason, error.message)
    except OSError as error:
        return RefusedWorktree(story, "failed", str(error))


def _was_begun(repo: Repository, story: StoryId, tip: str) -> bool:
    """Return whether a killed call created this branch: its note contains this commit."""
    note = creation_note(repo.project, story)
    return note.exists() and note.read_text() == tip


def _clear_unfinished(repo: Repository, request: WorktreeRequest, now: datetime) -> None:
    path = repo.project.worktree(request.story)
    refuse_foreign(repo.project, path)
    if checkout_of(repo.project, request.story) is not None:
        base = request.base_commit
        rescue_work(repo, request.story, base_tip=base, landed=None, now=now, branch_stays=True)
        empty_trash(unregister(repo.project, path))


def _add_worktree(repo: Repository, request: WorktreeRequest, tip: str | None) -> _Registered:
    story, branch, path = request.story, branch_of(request.story), repo.project.worktree(request.story)
    head = tip or request.base_commit
    note = creation_note(repo.project, story)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(head)
    new_branch = ("--no-track", "-b", branch, str(path), request.base_commit)
    source = (str(path), branch) if tip else new_branch
    repo.git("worktree", "add", "--quiet", "--no-checkout", *source)
    is_new = tip is None or not request.known_branch
    return _Registered(CreatedWorktree(story, branch, head, is_new), _registered_checkout(repo, path))


def _registered_checkout(repo: Repository, path: Path) -> Checkout:
    admin = registration_of(repo.project, path)
    if admin is None:
        raise GitError("worktree add", 0, f"{path} is not registered")
    return Checkout(path, admin)


def _check_out(
    repo: Repository, result: CreateResult | _Registered, included: tuple[str, ...]
) -> CreateResult:
    if not isinstance(result, _Registered):
        return result
    story = result.worktree.story
    try:
        _write_files(repo, result.checkout, included)
        mark_made(result.checkout, story)
        creation_note(repo.project, story).unlink()
    except (GitError, OSError) as error:
        return RefusedWorktree(story, "failed", str(error))
    return result.worktree


def create_merge_workspace(repo: Repository, commit: str) -> Path:
    """Create `.huskies/merge_workspace` anew, detached at `commit`, with the files of `.worktreeinclude`.

    No file of an earlier merge stays in it: gates check the commit alone. Call it outside `git_locked`.
    Raise HuskiesError `not_ours` when Huskies did not create the directory at its path.
    """
    project, path = repo.project, repo.project.merge_workspace
    with worktrees_locked(project):
        refuse_foreign(project, path)
        with git_locked(project):
            trash = unregister(project, path)
            repo.git("worktree", "add", "--quiet", "--no-checkout", "--detach", str(path), commit)
        empty_trash(trash)
        _write_files(repo, _registered_checkout(repo, path), _included_files(repo))
    return path


def _write_files(repo: Repository, checkout: Checkout, included: tuple[str, ...]) -> None:
    repo.git("read-tree", "-m", "-u", "HEAD", at=checkout)
    _copy_included(repo.project.root, included, checkout.path)


def _included_files(repo: Repository) -> tuple[str, ...]:
    """Return the ignored files of the main checkout that `.worktreeinclude` names, never any of `.huskies`.

    Git matches the patterns, so they have the meaning of a `.gitignore`.
    """
    patterns = repo.project.root / INCLUDE_FILE
    if not patterns.is_file():
        return ()
    listed = split_nul(repo.git("ls-files", "--others", "--ignored", f"--exclude-from={patterns}", "-z"))
    paths = [path for path in listed if not (path.endswith("/") or path.startswith(f"{STATE_FOLDER}/"))]
    if not paths:
        return ()
    ignored = repo.git("check-ignore", "-z", "--stdin", stdin="\0".join(paths) + "\0", ok=(0, 1))
    return tuple(split_nul(ignored))


def _copy_included(root: Path, files: tuple[str, ...], worktree: Path) -> None:
    """Copy the files that the worktree does not have. Write nothing through a symbolic link."""
    inside = os.path.realpath(worktree)
    for file in files:
        source, target = root / file, worktree / file
        folder = os.path.realpath(target.parent)
        is_inside = folder == inside or folder.startswith(inside + os.sep)
        if is_inside and not os.path.lexists(target) and (source.is_symlink() or source.is_file()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
