"""Ends a landing that stopped half-way in a checkout: its own files go to one side, the user's stay."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from huskies_core.git.base_checkouts import index_copy
from huskies_core.git.index_entries import (
    GITLINK,
    Change,
    Entry,
    differing_paths,
    index_lines,
    is_sparse,
    read_flags,
    set_flags,
)
from huskies_core.git.repository import Checkout, GitError, Repository, split_nul

_CHUNK = 1 << 20


def has_file(root: Path, path: str) -> bool:
    """Whether there is a file or link at `path`; behind a link, or in a file's place, there is none."""
    return _is_reached_plainly(root, path) and os.path.lexists(root / path) and not _is_folder(root / path)


def is_beginning_of(here: Path, whole: Path) -> bool:
    """Whether `here` has the bytes of `whole`, or its first ones; of links, whether they lead to the same."""
    if here.is_symlink() or whole.is_symlink():
        return here.is_symlink() and whole.is_symlink() and here.readlink() == whole.readlink()
    if not here.is_file() or not whole.is_file():
        return False
    with here.open("rb") as part, whole.open("rb") as full:
        while chunk := part.read(_CHUNK):
            if full.read(len(chunk)) != chunk:
                return False
    return True


def remove_file(root: Path, path: str) -> None:
    """Removes the file, and the folders that are empty without it."""
    if not has_file(root, path):
        return
    (root / path).unlink()
    for parent in Path(path).parents[:-1]:
        if any((root / parent).iterdir()):
            return
        (root / parent).rmdir()


def place_file(root: Path, path: str, wanted: Path) -> bool:
    """Whether `path` could be made what `wanted` is. Killed meanwhile, it leaves the beginning of the file."""
    here = root / path
    if not _make_folders(root, path) or (_is_folder(here) and any(here.iterdir())):
        return False
    if _is_folder(here):
        here.rmdir()
    here.unlink(missing_ok=True)
    shutil.copy(wanted, here, follow_symlinks=False)
    return True


def _make_folders(root: Path, path: str) -> bool:
    for parent in reversed(Path(path).parents[:-1]):
        if not os.path.lexists(root / parent):
            (root / parent).mkdir()
        elif not _is_folder(root / parent):
            return False
    return True


def _is_reached_plainly(root: Path, path: str) -> bool:
    return all(_is_folder(root / parent) for parent in Path(path).parents[:-1])


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


@dataclass(frozen=True)
class FileSet:
    """`folder` has the files with filters and line ends applied, `complaint` says why one may be missing.

    `present` are those of its paths that the checkout has as this side does, by git's own eyes: their bytes may
    differ where git sees no difference.
    """

    folder: Path
    paths: frozenset[str]
    present: frozenset[str]
    complaint: str


def write_file_set(
    repo: Repository, place: Checkout, commit: str, entries: Mapping[str, Entry], folder: Path
) -> FileSet:
    """Writes the files into the new `folder` as git would check them out at `commit`, whose attributes count.

    A file whose filter fails is left out: a landing that this very filter ended has to be taken back.
    """
    folder.mkdir()
    env = {"GIT_INDEX_FILE": f"{folder}.index"}
    scratch = Checkout(folder, place.git_dir)
    lines = index_lines({**_attributes(repo, commit), **entries})
    repo.git("update-index", "-z", "--index-info", at=scratch, env=env, stdin=lines)
    ran = repo.run("checkout-index", "--all", "--force", "--quiet", at=scratch, env=env)
    paths = frozenset(entries)
    return FileSet(folder, paths, paths - differing_paths(repo, place, entries), ran.stderr)


def _attributes(repo: Repository, commit: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for line in split_nul(repo.git("ls-tree", "-r", "-z", "--full-tree", commit)):
        head, _, path = line.partition("\t")
        if path.rpartition("/")[2] == ".gitattributes":
            mode, _, oid = head.split(" ")
            found[path] = Entry(mode, oid)
    return found


def restore_paths(
    repo: Repository, place: Checkout, changes: tuple[Change, ...], *, tip: str, commit: str, forward: bool
) -> tuple[str, ...]:
    """Brings the touched paths of `place`, and its index, to the side of `commit` (`forward`) or of `tip`.

    A file whose bytes are one of the sides', or the beginning of one, was ours; any other is the user's,
    stays and is returned. The caller holds the checkout's lock. Ending it again changes nothing. Raises GitError
    when a filter does not give the bytes of a file that must come back.
    """
    flags = read_flags(repo, place, {change.path for change in changes})
    files = [change for change in changes if _is_file(change) and not is_sparse(place, change.path, flags)]
    with TemporaryDirectory(prefix="huskies-") as scratch:
        before = {change.path: change.before for change in files if change.before}
        after = {change.path: change.after for change in files if change.after}
        old = write_file_set(repo, place, tip, before, Path(scratch, "tip"))
        new = write_file_set(repo, place, commit, after, Path(scratch, "commit"))
        users = _settle_files(place.path, source=old if forward else new, target=new if forward else old)
    _settle_index(repo, place, changes, flags, forward=forward)
    return users


def _is_file(change: Change) -> bool:
    """Submodules are left to their own git: a landing does not write into them."""
    return all(entry is None or entry.mode != GITLINK for entry in (change.before, change.after))


def _settle_files(root: Path, *, source: FileSet, target: FileSet) -> tuple[str, ...]:
    paths = source.paths | target.paths
    ours = {path for path in paths if _is_ours(root, path, (source, target))}
    for path in sorted(ours - target.paths, reverse=True):
        remove_file(root, path)
    missing = sorted((ours & target.paths) - target.present)
    blocked = {path for path in missing if not _put_back(root, path, target)}
    return tuple(sorted((paths - ours) | blocked))


def _put_back(root: Path, path: str, target: FileSet) -> bool:
    if not os.path.lexists(target.folder / path):
        raise GitError("checkout-index", 1, target.complaint)
    return place_file(root, path, target.folder / path)


def _is_ours(root: Path, path: str, sides: tuple[FileSet, FileSet]) -> bool:
    """Nothing is ours too: git removes a file before it writes the new one."""
    if not has_file(root, path) or any(path in side.present for side in sides):
        return True
    return any(is_beginning_of(root / path, side.folder / path) for side in sides if path in side.paths)


def _settle_index(
    repo: Repository, place: Checkout, changes: tuple[Change, ...], flags: Mapping[str, str], *, forward: bool
) -> None:
    """Sets the touched entries to the side, but for those that the user has staged since."""
    copy = index_copy(place)
    copy.with_name(f"{copy.name}.lock").unlink(missing_ok=True)
    if not (place.git_dir / "index").exists():
        return
    shutil.copy(place.git_dir / "index", copy)
    env = {"GIT_INDEX_FILE": str(copy)}
    staged = _entries(repo, place, {change.path for change in changes})
    mine = [change for change in changes if _is_a_side(change, staged.get(change.path, ()))]
    wanted = {change.path: change.after if forward else change.before for change in mine}
    repo.git("update-index", "-z", "--index-info", at=place, env=env, stdin=index_lines(wanted))
    set_flags(repo, place, {path: letter for path, letter in flags.items() if wanted.get(path)}, env)
    repo.git("update-index", "-q", "--refresh", at=place, env=env, ok=(0, 1))
    copy.replace(place.git_dir / "index")


def _is_a_side(change: Change, staged: tuple[Entry, ...]) -> bool:
    return staged in [(entry,) if entry else () for entry in (change.before, change.after)]


def _entries(repo: Repository, place: Checkout, paths: set[str]) -> dict[str, tuple[Entry, ...]]:
    """What the index has for the paths: several entries where there is a conflict."""
    found: dict[str, tuple[Entry, ...]] = {}
    for line in split_nul(repo.git("ls-files", "--stage", "-z", at=place)):
        head, _, path = line.partition("\t")
        if path in paths:
            mode, oid, _ = head.split(" ")
            found[path] = (*found.get(path, ()), Entry(mode, oid))
    return found
