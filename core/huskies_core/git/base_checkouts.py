"""Where the base branch is checked out, and what git has under way there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huskies_core.git.index_entries import Change, differing_paths, is_sparse, read_flags
from huskies_core.git.locks import LANDING_PREFIX
from huskies_core.git.repository import HEADS, Checkout, Repository, split_nul

_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "sequencer/todo": "a cherry-pick or revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or am",
}


def all_checkouts(repo: Repository) -> Iterator[Checkout]:
    """The main checkout and every linked one whose directory is there."""
    yield repo.main
    admins = repo.project.git_dir / "worktrees"
    for admin in sorted(admins.iterdir()) if admins.is_dir() else ():
        record = admin / "gitdir"
        pointer = record.read_text(errors="surrogateescape").strip() if record.is_file() else ""
        path = (admin / pointer).parent
        if pointer and path.is_dir():
            yield Checkout(path, admin)


def base_checkouts(repo: Repository, base_branch: str) -> tuple[Checkout, ...]:
    """The checkouts whose HEAD is the branch: git lets several have it when it is forced to.

    Only candidates are asked: a story's HEAD file names another branch, and there are many stories.
    """
    candidates = (place for place in all_checkouts(repo) if _may_be_on(place, base_branch))
    return tuple(place for place in candidates if repo.checked_out_branch(place) == base_branch)


def _may_be_on(place: Checkout, base_branch: str) -> bool:
    """Whether the HEAD file names the branch, or does not tell (a link, or another store for refs)."""
    head = place.git_dir / "HEAD"
    if head.is_symlink() or not head.is_file():
        return True
    named = head.read_text(errors="surrogateescape").strip().removeprefix("ref: ")
    return named in (HEADS + base_branch, HEADS + ".invalid")


def unfinished_operation(place: Checkout) -> str | None:
    """What git began in this checkout and has not ended, in words."""
    return next((what for name, what in _UNDER_WAY.items() if (place.git_dir / name).exists()), None)


def rebasing_checkout(repo: Repository, base_branch: str) -> Path | None:
    """The checkout where the branch is being rebased: its HEAD is detached meanwhile."""
    for place in all_checkouts(repo):
        for folder in ("rebase-merge", "rebase-apply"):
            name = place.git_dir / folder / "head-name"
            if name.is_file() and name.read_text().strip() == HEADS + base_branch:
                return place.path
    return None


_SIDECAR = "huskies-landing"
_COPY = "index.huskies"


def take_index_lock(place: Checkout, mark: str) -> bool:
    """Whether the lock was free and is ours now.

    Made as a second name of a file that holds the mark already: it is never there without its mark. That
    file stays until the lock is released, and tells of a landing whose lock a person removed.
    """
    sidecar = place.git_dir / _SIDECAR
    written = place.git_dir / f"{_SIDECAR}.new"
    written.write_text(_content(mark))
    written.replace(sidecar)
    taken = retake_index_lock(place)
    if not taken:
        sidecar.unlink()
    return taken


def retake_index_lock(place: Checkout) -> bool:
    """Whether the lock of a landing that began, and that a person removed, was free and is ours now."""
    try:
        os.link(place.git_dir / _SIDECAR, index_lock(place))
    except FileExistsError:
        return False
    return True


def release_index_lock(place: Checkout, mark: str) -> None:
    """Frees the lock if it is ours, and removes what a landing keeps beside it."""
    if has_index_lock(place, mark):
        index_lock(place).unlink()
    for name in (_COPY, f"{_COPY}.lock", _SIDECAR):
        (place.git_dir / name).unlink(missing_ok=True)


def index_lock(place: Checkout) -> Path:
    return place.git_dir / "index.lock"


def index_copy(place: Checkout) -> Path:
    """Where the index to be is prepared: beside the index, so that a rename puts it there."""
    return place.git_dir / _COPY


def has_index_lock(place: Checkout, mark: str) -> bool:
    """Whether the checkout's `index.lock` carries this mark."""
    return _read(index_lock(place)) == _content(mark)


def unfinished_landing(place: Checkout) -> str | None:
    """The mark of the landing that began in the checkout and was not released."""
    said = _read(place.git_dir / _SIDECAR)
    return said.removeprefix(LANDING_PREFIX).rstrip("\n") if said else None


def _content(mark: str) -> str:
    return f"{LANDING_PREFIX}{mark}\n"


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ""


@dataclass(frozen=True)
class BaseDirty:
    """`paths` are the user's, relative to the checkout; `reason` says what is in the way, and where."""

    paths: tuple[str, ...]
    reason: str


def find_dirty_paths(
    repo: Repository, place: Checkout, changes: tuple[Change, ...], *, base_branch: str, tip: str
) -> BaseDirty | None:
    """What keeps `changes` from being written into `place`; None when nothing does. Changes nothing."""
    busy = unfinished_operation(place)
    if not (place.git_dir / "index").exists():
        return BaseDirty((), f"{place.path} has no index")
    if busy is not None:
        return BaseDirty((), f"{busy} is under way in {place.path}")
    if repo.checked_out_branch(place) != base_branch or repo.commit_id("HEAD", at=place) != tip:
        return BaseDirty((), f"{place.path} has just left {base_branch} at {tip[:12]}")
    paths = {
        *_staged(repo, place, changes, tip),
        *_edited(repo, place, changes),
        *_in_the_way(place, changes),
    }
    if paths:
        return BaseDirty(tuple(sorted(paths)), f"{place.path} has changes of its own in the way")
    return None


def _staged(repo: Repository, place: Checkout, changes: tuple[Change, ...], tip: str) -> Iterator[str]:
    """What the index has otherwise than the tip, where it meets a touched path; all conflicts meet."""
    parts = split_nul(repo.git("diff-index", "--cached", "--raw", "-z", "--no-renames", tip, at=place))
    touched = {change.path for change in changes}
    above = {str(parent) for path in touched for parent in Path(path).parents}
    for head, path in zip(parts[::2], parts[1::2], strict=True):
        meets = path in touched or path in above or any(str(up) in touched for up in Path(path).parents)
        if meets or head.endswith(" U"):
            yield path


def _edited(repo: Repository, place: Checkout, changes: tuple[Change, ...]) -> frozenset[str]:
    """The touched files whose content is not the tip's, flagged or not."""
    expected = {change.path: change.before for change in changes if change.before}
    flags = read_flags(repo, place, expected)
    return differing_paths(
        repo, place, {path: expected[path] for path in expected if not is_sparse(place, path, flags)}
    )


def _in_the_way(place: Checkout, changes: tuple[Change, ...]) -> Iterator[str]:
    """What stands where a new path goes, ignored or not: the checkout must have nothing there."""
    known = {change.path for change in changes if change.before}
    for change in changes:
        if change.before is None:
            yield from _obstacles(place.path, change.path, known)


def _obstacles(root: Path, path: str, known: set[str]) -> Iterator[str]:
    for parent in reversed(Path(path).parents[:-1]):
        if str(parent) not in known and _blocks(root / parent):
            yield str(parent)
            return
    target = root / path
    if target.is_dir() and not target.is_symlink():
        yield from (file for file in _files_below(root, path) if file not in known)
    elif os.path.lexists(target) and not _is_one_of(target, root, known):
        yield path


def _blocks(parent: Path) -> bool:
    return os.path.lexists(parent) and (parent.is_symlink() or not parent.is_dir())


def _files_below(root: Path, path: str) -> Iterator[str]:
    for folder, folders, names in os.walk(root / path):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        yield from (os.path.relpath(f"{folder}/{name}", root) for name in (*names, *links))


def _is_one_of(target: Path, root: Path, known: set[str]) -> bool:
    """Whether it is a known path by another spelling: where case does not count, README stands at readme."""
    same = (root / path for path in known if path.casefold() == str(target.relative_to(root)).casefold())
    return any(other.exists() and target.samefile(other) for other in same)
