"""Checkouts of the base branch: find them, take their index lock, check them for work of the user."""

import os
from collections.abc import Iterator
from pathlib import Path

from huskies_core.git.index_entries import PathChange, differing_paths, is_sparse, read_flags
from huskies_core.git.locks import LANDING_PREFIX
from huskies_core.git.repository import HEADS, Checkout, Repository, split_nul
from huskies_core.git.worktrees import linked_worktrees

_OPERATIONS = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "sequencer/todo": "a cherry-pick or revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or am",
}
_SIDECAR = "huskies-landing"
_COPY = "index.huskies"


def all_checkouts(repo: Repository) -> Iterator[Checkout]:
    """Yield the main checkout and each linked worktree with an existing directory."""
    yield repo.main
    yield from (checkout for checkout in linked_worktrees(repo.project) if checkout.path.is_dir())


def base_checkouts(repo: Repository, base_branch: str) -> tuple[Checkout, ...]:
    """Return the checkouts with HEAD at the branch. Git allows several of them with --force.

    Git runs only for candidates: the HEAD file of a story's worktree names another branch, and there are many stories.
    """
    candidates = (checkout for checkout in all_checkouts(repo) if _may_have_branch(checkout, base_branch))
    return tuple(checkout for checkout in candidates if repo.checked_out_branch(checkout) == base_branch)


def _may_have_branch(checkout: Checkout, base_branch: str) -> bool:
    """Return whether the HEAD file names the branch, or cannot show it (a symbolic link, or a reftable)."""
    head = checkout.git_dir / "HEAD"
    if head.is_symlink() or not head.is_file():
        return True
    ref = head.read_text(errors="surrogateescape").strip().removeprefix("ref: ")
    return ref in (HEADS + base_branch, HEADS + ".invalid")


def rebasing_checkout(repo: Repository, base_branch: str) -> Path | None:
    """Return the checkout in which a rebase of the branch is in progress. Its HEAD is detached until the end."""
    for checkout in all_checkouts(repo):
        for folder in ("rebase-merge", "rebase-apply"):
            name = checkout.git_dir / folder / "head-name"
            if name.is_file() and name.read_text().strip() == HEADS + base_branch:
                return checkout.path
    return None


def index_lock(checkout: Checkout) -> Path:
    """Return the path of the lock that every git takes before it writes the index."""
    return checkout.git_dir / "index.lock"


def index_copy(checkout: Checkout) -> Path:
    """Return the path of the prepared index. It lies beside the index, so a rename can replace that."""
    return checkout.git_dir / _COPY


def take_index_lock(checkout: Checkout, mark: str) -> bool:
    """Take the checkout's `index.lock` for the landing `mark`. Return False if another process has it.

    The lock is a second name (link(2)) of a sidecar file that already contains the mark, so it never exists without
    its mark. The sidecar stays until the release. If a person removes the lock, it still shows the unfinished
    landing.
    """
    sidecar = checkout.git_dir / _SIDECAR
    new_file = checkout.git_dir / f"{_SIDECAR}.new"
    new_file.write_text(_lock_content(mark))
    new_file.replace(sidecar)
    is_taken = retake_index_lock(checkout)
    if not is_taken:
        sidecar.unlink()
    return is_taken


def retake_index_lock(checkout: Checkout) -> bool:
    """Take the lock of an unfinished landing again after a person removed it. Return False if it exists."""
    try:
        os.link(checkout.git_dir / _SIDECAR, index_lock(checkout))
    except FileExistsError:
        return False
    return True


def release_index_lock(checkout: Checkout, mark: str) -> None:
    """Remove the lock if it has this mark, and all other files of the landing."""
    if has_index_lock(checkout, mark):
        index_lock(checkout).unlink()
    for name in (_COPY, f"{_COPY}.lock", _SIDECAR):
        (checkout.git_dir / name).unlink(missing_ok=True)


def has_index_lock(checkout: Checkout, mark: str) -> bool:
    """Return whether the checkout's `index.lock` contains this mark."""
    return _read(index_lock(checkout)) == _lock_content(mark)


def unfinished_landing(checkout: Checkout) -> str | None:
    """Return the mark of the landing that began in the checkout and did not release it."""
    content = _read(checkout.git_dir / _SIDECAR)
    return content.removeprefix(LANDING_PREFIX).rstrip("\n") if content else None


def _lock_content(mark: str) -> str:
    return f"{LANDING_PREFIX}{mark}\n"


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ""


def find_dirt(
    repo: Repository, checkout: Checkout, changes: tuple[PathChange, ...], *, base_branch: str, tip: str
) -> tuple[str, tuple[str, ...]] | None:
    """Return the reason why `changes` must not be written into the checkout, with the user's paths, or None.

    Each path that the landing writes must be as in the base tip. Other work of the user does not block it.
    """
    path = checkout.path
    operation = next((noun for name, noun in _OPERATIONS.items() if (checkout.git_dir / name).exists()), None)
    if not (checkout.git_dir / "index").exists():
        return f"{path} has no index", ()
    if operation is not None:
        return f"{operation} is in progress in {path}", ()
    if repo.checked_out_branch(checkout) != base_branch or repo.commit_id("HEAD", at=checkout) != tip:
        return f"{path} is no longer at {base_branch} {tip[:12]}", ()
    paths = {
        *_staged_paths(repo, checkout, changes, tip),
        *_edited_paths(repo, checkout, changes),
        *_obstructing_paths(checkout, changes),
    }
    if paths:
        return f"{path} has uncommitted changes to files of the landing", tuple(sorted(paths))
    return None


def _staged_paths(
    repo: Repository, checkout: Checkout, changes: tuple[PathChange, ...], tip: str
) -> Iterator[str]:
    """Yield staged paths that are, contain or lie below a path of the landing, and all unmerged ones."""
    parts = split_nul(repo.git("diff-index", "--cached", "--raw", "-z", "--no-renames", tip, at=checkout))
    touched = {change.path for change in changes}
    parents = {str(parent) for path in touched for parent in Path(path).parents}
    for head, path in zip(parts[::2], parts[1::2], strict=True):
        meets = path in touched or path in parents or any(str(up) in touched for up in Path(path).parents)
        if meets or head.endswith(" U"):
            yield path


def _edited_paths(repo: Repository, checkout: Checkout, changes: tuple[PathChange, ...]) -> frozenset[str]:
    """Return the files of the landing with other content than the tip's, with or without flags."""
    flags = read_flags(repo, checkout, changes)
    tracked = {change.path: change.before for change in changes if change.before}
    present = {path: entry for path, entry in tracked.items() if not is_sparse(checkout, path, flags)}
    return differing_paths(repo, checkout, present)


def _obstructing_paths(checkout: Checkout, changes: tuple[PathChange, ...]) -> Iterator[str]:
    """Yield files, ignored or not, that exist where the landing adds a path."""
    tracked = {change.path for change in changes if change.before}
    for change in changes:
        if change.before is None:
            yield from _obstacles(checkout.path, change.path, tracked)


def _obstacles(root: Path, path: str, tracked: set[str]) -> Iterator[str]:
    for parent in reversed(Path(path).parents[:-1]):
        folder = root / parent
        if str(parent) not in tracked and os.path.lexists(folder) and not is_real_folder(folder):
            yield str(parent)
            return
    target = root / path
    if is_real_folder(target):
        yield from (file for file in _files_below(root, path) if file not in tracked)
    elif os.path.lexists(target) and not _is_other_spelling(target, root, tracked):
        yield path


def is_real_folder(path: Path) -> bool:
    """Return whether `path` is a folder and no symbolic link to one."""
    return path.is_dir() and not path.is_symlink()


def _files_below(root: Path, path: str) -> Iterator[str]:
    for folder, folders, names in os.walk(root / path):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        yield from (os.path.relpath(f"{folder}/{name}", root) for name in (*names, *links))


def _is_other_spelling(target: Path, root: Path, tracked: set[str]) -> bool:
    """Return whether `target` is a tracked file: without case sensitivity, `readme` and `README` are one file."""
    same = (root / path for path in tracked if path.casefold() == str(target.relative_to(root)).casefold())
    return any(other.exists() and target.samefile(other) for other in same)
