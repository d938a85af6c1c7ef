"""Roll an interrupted landing back or forward in one checkout, and keep later changes of the user."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from huskies_core.git.base_checkouts import index_copy, is_real_folder
from huskies_core.git.index_entries import (
    GITLINK,
    FileEntry,
    Index,
    PathChange,
    copy_index,
    differing_paths,
    is_sparse,
    read_flags,
)
from huskies_core.git.repository import Checkout, GitError, Repository, split_nul

_CHUNK = 1 << 20


class _FileSet(Struct, frozen=True):
    """The files of one commit that the landing writes, as git would check them out.

    `folder` contains them with filters and line ends applied; `stderr` is git's message about missing ones. `present`
    are the paths that the checkout has like this commit for git. Their bytes may differ where git sees no difference.
    """

    folder: Path
    paths: frozenset[str]
    present: frozenset[str]
    stderr: str


def restore_paths(
    repo: Repository,
    checkout: Checkout,
    changes: tuple[PathChange, ...],
    *,
    tip: str,
    commit: str,
    forward: bool,
) -> tuple[str, ...]:
    """Set the paths of the landing, and the index, to `commit` (`forward`) or back to `tip`. The caller has the lock.

    A file with the bytes of either commit, or their beginning, was written by the landing. Any other file is the
    user's: it stays, and its path is returned. A second call changes nothing. Raise GitError when a filter
    does not produce a file that must be restored.
    """
    flags = read_flags(repo, checkout, changes)
    files = [change for change in changes if _is_file(change) and not is_sparse(checkout, change.path, flags)]
    with TemporaryDirectory(prefix="huskies-") as scratch:
        before = {change.path: change.before for change in files if change.before}
        after = {change.path: change.after for change in files if change.after}
        old = _write_file_set(repo, checkout, tip, before, Path(scratch, "tip"))
        new = _write_file_set(repo, checkout, commit, after, Path(scratch, "commit"))
        source, target = (old, new) if forward else (new, old)
        user_paths = _restore_files(checkout.path, source=source, target=target)
    _restore_index(repo, checkout, changes, flags, forward=forward)
    return user_paths


def _is_file(change: PathChange) -> bool:
    """Return whether no side is a submodule. A landing never writes into a submodule."""
    return all(entry is None or entry.mode != GITLINK for entry in (change.before, change.after))


def _write_file_set(
    repo: Repository, checkout: Checkout, commit: str, entries: Mapping[str, FileEntry], folder: Path
) -> _FileSet:
    """Write the entries to the new `folder` as git checks them out at `commit`, with the attributes of `commit`.

    A file with a failing filter is left out, because a landing that this filter stopped must be rolled back as well.
    """
    folder.mkdir()
    index = Index(repo, Checkout(folder, checkout.git_dir), folder.with_suffix(".index"))
    index.put({**_attribute_files(repo, commit), **entries})
    stderr = index.run("checkout-index", "--all", "--force", "--quiet").stderr
    paths = frozenset(entries)
    return _FileSet(folder, paths, paths - differing_paths(repo, checkout, entries), stderr)


def _attribute_files(repo: Repository, commit: str) -> dict[str, FileEntry]:
    entries: dict[str, FileEntry] = {}
    for line in split_nul(repo.git("ls-tree", "-r", "-z", "--full-tree", commit)):
        head, _, path = line.partition("\t")
        if path.rpartition("/")[2] == ".gitattributes":
            mode, _, oid = head.split(" ")
            entries[path] = FileEntry(mode, oid)
    return entries


def _restore_files(root: Path, *, source: _FileSet, target: _FileSet) -> tuple[str, ...]:
    paths = source.paths | target.paths
    written = {path for path in paths if _is_written_by_landing(root, path, (source, target))}
    for path in sorted(written - target.paths, reverse=True):
        _remove_file(root, path)
    missing = sorted((written & target.paths) - target.present)
    blocked = {path for path in missing if not _restore_file(root, path, target)}
    return tuple(sorted((paths - written) | blocked))


def _is_written_by_landing(root: Path, path: str, file_sets: tuple[_FileSet, _FileSet]) -> bool:
    """Return True for a missing file as well: git removes a file before it writes the new one."""
    if not _has_file(root, path) or any(path in files.present for files in file_sets):
        return True
    return any(
        _is_beginning_of(root / path, files.folder / path) for files in file_sets if path in files.paths
    )


def _restore_file(root: Path, path: str, target: _FileSet) -> bool:
    if not os.path.lexists(target.folder / path):
        raise GitError("checkout-index", 1, target.stderr)
    return _place_file(root, path, target.folder / path)


def _restore_index(
    repo: Repository,
    checkout: Checkout,
    changes: tuple[PathChange, ...],
    flags: Mapping[str, str],
    *,
    forward: bool,
) -> None:
    """Set the entries of the landing, except entries that the user has staged since."""
    copy = index_copy(checkout)
    copy.with_name(f"{copy.name}.lock").unlink(missing_ok=True)
    if not (checkout.git_dir / "index").exists():
        return
    index = copy_index(repo, checkout, copy)
    staged = _staged_entries(repo, checkout, {change.path for change in changes})
    entries = {
        change.path: change.after if forward else change.before
        for change in changes
        if not _is_staged_by_user(change, staged.get(change.path, ()))
    }
    index.put(entries)
    index.set_flags({path: letter for path, letter in flags.items() if entries.get(path)})
    index.refresh()
    copy.replace(checkout.git_dir / "index")


def _is_staged_by_user(change: PathChange, entries: tuple[FileEntry, ...]) -> bool:
    """Return whether the index entries of the path are neither those before the landing nor those after it."""
    before = (change.before,) if change.before else ()
    after = (change.after,) if change.after else ()
    return entries not in (before, after)


def _staged_entries(
    repo: Repository, checkout: Checkout, paths: set[str]
) -> dict[str, tuple[FileEntry, ...]]:
    """Return the index entries of the paths. An unmerged path has several."""
    entries: dict[str, tuple[FileEntry, ...]] = {}
    for line in split_nul(repo.git("ls-files", "--stage", "-z", at=checkout)):
        head, _, path = line.partition("\t")
        if path in paths:
            mode, oid, _ = head.split(" ")
            entries[path] = (*entries.get(path, ()), FileEntry(mode, oid))
    return entries


def _has_file(root: Path, path: str) -> bool:
    """Return whether a file or link is at `path`, without following a symbolic link on the way."""
    return (
        all(is_real_folder(root / parent) for parent in Path(path).parents[:-1])
        and os.path.lexists(root / path)
        and not is_real_folder(root / path)
    )


def _is_beginning_of(partial: Path, whole: Path) -> bool:
    """Return whether `whole` starts with the bytes of `partial`. Symbolic links must have the same target."""
    if partial.is_symlink() or whole.is_symlink():
        return partial.is_symlink() and whole.is_symlink() and partial.readlink() == whole.readlink()
    if not partial.is_file() or not whole.is_file():
        return False
    with partial.open("rb") as part, whole.open("rb") as full:
        while chunk := part.read(_CHUNK):
            if full.read(len(chunk)) != chunk:
                return False
    return True


def _remove_file(root: Path, path: str) -> None:
    """Remove the file, and each parent folder that is empty afterwards."""
    if not _has_file(root, path):
        return
    (root / path).unlink()
    for parent in Path(path).parents[:-1]:
        if any((root / parent).iterdir()):
            return
        (root / parent).rmdir()


def _place_file(root: Path, path: str, source: Path) -> bool:
    """Copy `source` to `path`. Return False if a file or link is in a parent's place, or a full folder at `path`.

    A killed process leaves the beginning of the file.
    """
    target = root / path
    for parent in reversed(Path(path).parents[:-1]):
        if not os.path.lexists(root / parent):
            (root / parent).mkdir()
        elif not is_real_folder(root / parent):
            return False
    if is_real_folder(target):
        if any(target.iterdir()):
            return False
        target.rmdir()
    target.unlink(missing_ok=True)
    shutil.copy(source, target, follow_symlinks=False)
    return True
