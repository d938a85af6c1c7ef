"""Makes worktrees: registered one after the other under the git lock, checked out side by side outside it."""

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.git.locks import git_locked, worktrees_locked
from huskies_core.git.removal import empty_trash, refuse_foreign, unregister
from huskies_core.git.repository import HEADS, Checkout, GitError, Repository, split_nul
from huskies_core.git.rescue import rescue_work
from huskies_core.git.worktrees import (
    branch_of,
    checkout_of,
    creation_note,
    is_made,
    mark_made,
    occupied_worktrees,
    registration_of,
)
from huskies_core.project import STATE_FOLDER

LIST = ".worktreeinclude"


def included_files(repo: Repository) -> tuple[str, ...]:
    """The ignored files of the main checkout that `.worktreeinclude` names; never any of `.huskies`.

    git itself matches the patterns, so that they mean what they mean in a `.gitignore`.
    """
    listing = repo.project.root / LIST
    if not listing.is_file():
        return ()
    found = repo.git("ls-files", "--others", "--ignored", f"--exclude-from={listing}", "-z")
    wanted = [
        path for path in split_nul(found) if not (path.endswith("/") or path.startswith(f"{STATE_FOLDER}/"))
    ]
    if not wanted:
        return ()
    ignored = repo.git("check-ignore", "-z", "--stdin", stdin="\0".join(wanted) + "\0", ok=(0, 1))
    return tuple(split_nul(ignored))


def copy_included(root: Path, files: tuple[str, ...], worktree: Path) -> None:
    """Copies them. What the worktree has already stays; nothing is written through a symbolic link."""
    inside = os.path.realpath(worktree)
    for file in files:
        target = worktree / file
        folder = os.path.realpath(target.parent)
        fits = folder == inside or folder.startswith(inside + os.sep)
        if fits and not os.path.lexists(target) and _is_copyable(root / file):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / file, target, follow_symlinks=False)


def _is_copyable(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


@dataclass(frozen=True)
class WorktreeRequest:
    """`known_branch`: the store made the story's branch and goes on with it where it exists."""

    story: int
    base_commit: str
    known_branch: bool


@dataclass(frozen=True)
class CreatedWorktree:
    story: int
    branch: str
    head: str
    new_branch: bool


@dataclass(frozen=True)
class RefusedWorktree:
    """`reason` is "branch exists", "path in the way" or "failed" (git said why: try again later)."""

    story: int
    reason: str
    detail: str


CreateResult = CreatedWorktree | RefusedWorktree


@dataclass(frozen=True)
class _Registered:
    made: CreatedWorktree
    checkout: Checkout


def create_worktrees(
    repo: Repository, wanted: Sequence[WorktreeRequest], *, now: datetime
) -> tuple[CreateResult, ...]:
    """Makes the worktrees that are missing and answers for each of `wanted`, in its order.

    Killed in between, it leaves worktrees without their mark: the next call rescues what is in them, removes
    them and makes them again. Call it outside `git_locked`.
    """
    with worktrees_locked(repo.project):
        with git_locked(repo.project):
            registered = _register_all(repo, wanted, now)
        files = included_files(repo)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return tuple(pool.map(lambda one: _finish(repo, one, files), registered))


def _register_all(
    repo: Repository, wanted: Sequence[WorktreeRequest], now: datetime
) -> list[CreateResult | _Registered]:
    tips = _tips(repo, wanted)
    taken = occupied_worktrees(repo.project, [one.story for one in wanted])
    return [
        _register(repo, one, tips.get(branch_of(one.story)), clear=now if one.story in taken else None)
        for one in wanted
    ]


def _tips(repo: Repository, wanted: Sequence[WorktreeRequest]) -> dict[str, str]:
    """The story branches that exist, in one question for all."""
    names = (HEADS + branch_of(one.story) for one in wanted)
    lines = repo.git("for-each-ref", "--format=%(refname) %(objectname)", *names).splitlines()
    pairs = (line.split(" ") for line in lines)
    return {name.removeprefix(HEADS): tip for name, tip in pairs}


def _register(
    repo: Repository, one: WorktreeRequest, tip: str | None, *, clear: datetime | None
) -> CreateResult | _Registered:
    """`clear` is the time at which to rescue what is in the worktree's place already, None when that is free."""
    branch = branch_of(one.story)
    if is_made(repo.project, one.story):
        return CreatedWorktree(one.story, branch, tip or one.base_commit, not one.known_branch)
    if tip is not None and not (one.known_branch or _began(repo, one, tip)):
        return RefusedWorktree(one.story, "branch exists", branch)
    try:
        if clear is not None:
            _clear_half_made(repo, one, clear)
        return _add(repo, one, tip)
    except HuskiesError as error:
        return RefusedWorktree(
            one.story, "path in the way" if error.code == "not_ours" else "failed", error.message
        )
    except OSError as error:
        return RefusedWorktree(one.story, "failed", str(error))


def _began(repo: Repository, one: WorktreeRequest, tip: str) -> bool:
    """Whether an earlier call made this branch and was killed: its note names that very commit."""
    note = creation_note(repo.project, one.story)
    return note.exists() and note.read_text() == tip


def _clear_half_made(repo: Repository, one: WorktreeRequest, now: datetime) -> None:
    path = repo.project.worktree(one.story)
    refuse_foreign(repo.project, path)
    if checkout_of(repo.project, one.story) is not None:
        rescue_work(repo, one.story, base_tip=one.base_commit, landed=None, now=now, branch_stays=True)
        empty_trash(unregister(repo.project, path))


def _add(repo: Repository, one: WorktreeRequest, tip: str | None) -> _Registered:
    branch, path = branch_of(one.story), repo.project.worktree(one.story)
    note = creation_note(repo.project, one.story)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(tip or one.base_commit)
    what = ("--no-track", "-b", branch, str(path), one.base_commit) if tip is None else (str(path), branch)
    repo.git("worktree", "add", "--quiet", "--no-checkout", *what)
    checkout = checkout_of(repo.project, one.story)
    if checkout is None:
        raise GitError("worktree add", 0, f"{path} is not registered")
    new = tip is None or not one.known_branch
    return _Registered(CreatedWorktree(one.story, branch, tip or one.base_commit, new), checkout)


def _finish(repo: Repository, one: CreateResult | _Registered, files: tuple[str, ...]) -> CreateResult:
    if not isinstance(one, _Registered):
        return one
    try:
        repo.git("read-tree", "-m", "-u", "HEAD", at=one.checkout)
        copy_included(repo.project.root, files, one.checkout.path)
        mark_made(one.checkout, one.made.story)
        creation_note(repo.project, one.made.story).unlink()
    except (GitError, OSError) as error:
        return RefusedWorktree(one.made.story, "failed", str(error))
    return one.made


def create_merge_workspace(repo: Repository, commit: str) -> Path:
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
        empty_trash(trash)
        admin = registration_of(project, path)
        if admin is None:
            raise GitError("worktree add", 0, f"{path} is not registered")
        repo.git("read-tree", "-m", "-u", "HEAD", at=Checkout(path, admin))
        copy_included(project.root, included_files(repo), path)
    return path
