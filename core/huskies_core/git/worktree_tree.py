"""Git tree of a worktree's current files, changed and untracked ones included. The worktree's index stays as it is."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from huskies_core.git.index_entries import Index
from huskies_core.git.repository import Checkout, GitError, Repository, split_nul


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
        shutil.copyfile(own, index.path)
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
