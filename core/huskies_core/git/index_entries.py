"""Entries of trees and indexes: the changes of a commit, the differences and the tree of a checkout's files."""

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from huskies_core.git.repository import Checkout, GitError, GitResult, Repository, split_nul

_ABSENT = "000000"
_SKIPPED = "Ss"
GITLINK = "160000"


class FileEntry(Struct, frozen=True):
    """A file, link or submodule in a tree or an index: its mode in octal and the id of its content."""

    mode: str
    oid: str


class PathChange(Struct, frozen=True):
    """`before` is None for an added path, `after` for a deleted one."""

    path: str
    before: FileEntry | None
    after: FileEntry | None


def changes_between(repo: Repository, tip: str, commit: str) -> tuple[PathChange, ...]:
    """Return every path that differs. A rename is two paths."""
    parts = split_nul(repo.git("diff-tree", "-r", "-z", "--raw", "--no-renames", tip, commit))
    return tuple(_parse_change(head, path) for head, path in zip(parts[::2], parts[1::2], strict=True))


def _parse_change(head: str, path: str) -> PathChange:
    old_mode, new_mode, old, new, _ = head.removeprefix(":").split(" ")
    before, after = (
        None if mode == _ABSENT else FileEntry(mode, oid) for mode, oid in ((old_mode, old), (new_mode, new))
    )
    return PathChange(path, before, after)


class Index:
    """An index file for the files of a checkout: a copy of its own index, or a temporary one."""

    def __init__(self, repo: Repository, checkout: Checkout, path: Path, **variables: str) -> None:
        self.path, self._repo, self._checkout = path, repo, checkout
        self._env = {"GIT_INDEX_FILE": str(path), **variables}

    def run(self, *args: str) -> GitResult:
        return self._repo.run(*args, at=self._checkout, env=self._env)

    def git(self, *args: str, stdin: str | None = None, ok: tuple[int, ...] = (0,)) -> str:
        return self._repo.git(*args, at=self._checkout, env=self._env, stdin=stdin, ok=ok)

    def put(self, entries: Mapping[str, FileEntry | None]) -> None:
        """Write the entries; None deletes. Deletions come first: a deleted file may have the name of an added
        folder."""
        null = "0" * next((len(entry.oid) for entry in entries.values() if entry), 40)
        deletions = (f"0 {null}\t{path}\0" for path, entry in entries.items() if entry is None)
        additions = (f"{entry.mode} {entry.oid}\t{path}\0" for path, entry in entries.items() if entry)
        self.git("update-index", "-z", "--index-info", stdin="".join((*deletions, *additions)))

    def refresh(self) -> None:
        self.git("update-index", "-q", "--refresh", ok=(0, 1))

    def update(self, option: str, paths: Collection[str]) -> None:
        """Run `update-index` with the option on the paths, if there are any."""
        if paths:
            self.git("update-index", option, "-z", "--stdin", stdin="".join(f"{path}\0" for path in paths))

    def clear_flags(self, paths: Collection[str]) -> None:
        self.update("--no-assume-unchanged", paths)
        self.update("--no-skip-worktree", paths)

    def set_flags(self, flags: Mapping[str, str]) -> None:
        """Set the flags. Each path must be in the index."""
        self.update("--assume-unchanged", [path for path in flags if flags[path].islower()])
        self.update("--skip-worktree", [path for path in flags if flags[path] in _SKIPPED])

    def flags(self) -> dict[str, str]:
        """Return the letter of `ls-files -v` for each path with a flag.

        h is assume-unchanged, S is skip-worktree, s is both.
        """
        entries = split_nul(self.git("ls-files", "-v", "-z"))
        return {entry[2:]: entry[0] for entry in entries if entry[0].islower() or entry[0] in _SKIPPED}


def copy_index(repo: Repository, checkout: Checkout, path: Path) -> Index:
    """Return a copy, at `path`, of the checkout's index."""
    _copy_with_time(checkout.git_dir / "index", path)
    return Index(repo, checkout, path)


def _copy_with_time(source: Path, target: Path) -> None:
    """Copy an index file and its modification time.

    Git compares the content of files that are as young as the index, because an edit in the same second may keep a
    file's size and time. If the copy were younger, git would treat such files as unchanged.
    """
    shutil.copy2(source, target)


def differing_paths(repo: Repository, checkout: Checkout, entries: Mapping[str, FileEntry]) -> frozenset[str]:
    """Return the paths at which the checkout differs from the entries, after git's filters. Change nothing.

    The temporary index has these paths alone, without flags and file times, so git reads every file. Git compares
    the checked-out commit of a submodule.
    """
    if not entries:
        return frozenset()
    with TemporaryDirectory(prefix="huskies-") as scratch:
        index = Index(repo, checkout, Path(scratch, "index"))
        index.put(entries)
        index.refresh()
        return frozenset(split_nul(index.git("diff-files", "-z", "--name-only", "--ignore-submodules=dirty")))


def read_flags(repo: Repository, checkout: Checkout, changes: Iterable[PathChange]) -> dict[str, str]:
    """Return the flags of the changed paths in the checkout's index."""
    paths = {change.path for change in changes}
    flags = Index(repo, checkout, checkout.git_dir / "index").flags()
    return {path: letter for path, letter in flags.items() if path in paths}


def is_sparse(checkout: Checkout, path: str, flags: Mapping[str, str]) -> bool:
    """Return whether a sparse checkout leaves the path out: it has skip-worktree and no file."""
    return flags.get(path, "h") in _SKIPPED and not os.path.lexists(checkout.path / path)


def write_tree(repo: Repository, checkout: Checkout) -> str:
    """Write the tree to the repository and return its id. Ignored files are not part of it.

    It contains the files of a repository nested in the worktree, but not its history.
    """
    with TemporaryDirectory(prefix="huskies-") as scratch:
        return _write_tree(checkout, Index(repo, checkout, Path(scratch, "index")))


@contextmanager
def temporary_tree(repo: Repository, checkout: Checkout) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the id of the tree, and the environment in which its objects exist until the end of the block."""
    with TemporaryDirectory(prefix="huskies-") as scratch:
        objects = {
            "GIT_OBJECT_DIRECTORY": f"{scratch}/objects",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo.project.git_dir / "objects"),
        }
        Path(scratch, "objects").mkdir()
        yield _write_tree(checkout, Index(repo, checkout, Path(scratch, "index"), **objects)), objects


def _write_tree(checkout: Checkout, index: Index) -> str:
    own = checkout.git_dir / "index"
    if own.exists():
        _copy_with_time(own, index.path)
        try:
            return _add_and_write(checkout.path, index)
        except GitError:
            index.path.unlink()  # A full disk or a kill may have truncated it. HEAD lists the tracked files as well.
    index.git("read-tree", "HEAD")
    return _add_and_write(checkout.path, index)


def _add_and_write(root: Path, index: Index) -> str:
    if root.is_dir():
        # Make git read files with assume-unchanged or skip-worktree. Missing ones are sparse and keep the flag.
        index.clear_flags([path for path in index.flags() if os.path.lexists(root / path)])
        others = split_nul(index.git("ls-files", "--others", "--exclude-standard", "-z"))
        nested = [path for path in others if path.endswith("/")]
        excluded = [f":(top,exclude,literal){path}" for path in nested]
        index.git("add", "--all", "--sparse", "--", ":/", *excluded)
        index.update("--add", [file for path in nested for file in _files_below(root, path)])
    return index.git("write-tree")


def _files_below(root: Path, nested: str) -> Iterator[str]:
    for folder, folders, names in os.walk(root / nested):
        folders[:] = [name for name in folders if name != ".git"]
        yield from (os.path.relpath(f"{folder}/{name}", root) for name in names if name != ".git")
