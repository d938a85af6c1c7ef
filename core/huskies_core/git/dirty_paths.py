"""What of the user's is in the way of a landing: every path it would touch must be as in the base tip."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huskies_core.git.base_checkouts import under_way
from huskies_core.git.changes import Change
from huskies_core.git.comparison import unlike
from huskies_core.git.flags import is_sparse, read_flags
from huskies_core.git.repository import Checkout, Repository, fields


@dataclass(frozen=True)
class BaseDirty:
    """`paths` are the user's, relative to the checkout; `reason` says what is in the way, and where."""

    paths: tuple[str, ...]
    reason: str


def find_dirt(
    repo: Repository, place: Checkout, changes: tuple[Change, ...], *, base_branch: str, tip: str
) -> BaseDirty | None:
    """What keeps `changes` from being written into `place`; None when nothing does. Changes nothing."""
    busy = under_way(place)
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
    parts = fields(repo.git("diff-index", "--cached", "--raw", "-z", "--no-renames", tip, at=place))
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
    return unlike(
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
