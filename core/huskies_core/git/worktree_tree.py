"""Git tree of a worktree's current files, changed and untracked ones included. The worktree's index stays as it is."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from huskies_core.git.index_entries import update_index
from huskies_core.git.repository import Checkout, GitError, Repository, split_nul


def write_tree(repo: Repository, checkout: Checkout) -> str:
    """Write the tree to the repository and return its id. Ignored files are not part of it.

    It contains the files of a repository nested in the worktree, but not its history.
    """
    with TemporaryDirectory(prefix="huskies-") as scratch:
        return _write_tree(repo, checkout, {"GIT_INDEX_FILE": f"{scratch}/index"})


@contextmanager
def temporary_tree(repo: Repository, checkout: Checkout) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the id of the tree, and the environment in which its objects exist until the end of the block."""
    with TemporaryDirectory(prefix="huskies-") as scratch:
        objects = {
            "GIT_OBJECT_DIRECTORY": f"{scratch}/objects",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo.project.git_dir / "objects"),
        }
        Path(scratch, "objects").mkdir()
        yield _write_tree(repo, checkout, {"GIT_INDEX_FILE": f"{scratch}/index", **objects}), objects


def _write_tree(repo: Repository, checkout: Checkout, env: Mapping[str, str]) -> str:
    index = Path(env["GIT_INDEX_FILE"])
    own = checkout.git_dir / "index"
    if own.exists():
        shutil.copyfile(own, index)
        try:
            return _add_and_write(repo, checkout, env)
        except GitError:
            index.unlink()  # A full disk or a kill may have truncated it. HEAD lists the tracked files as well.
    repo.git("read-tree", "HEAD", at=checkout, env=env)
    return _add_and_write(repo, checkout, env)


def _add_and_write(repo: Repository, checkout: Checkout, env: Mapping[str, str]) -> str:
    if checkout.path.is_dir():
        _clear_flags(repo, checkout, env)
        _add_all_files(repo, checkout, env)
    return repo.git("write-tree", at=checkout, env=env)


def _clear_flags(repo: Repository, checkout: Checkout, env: Mapping[str, str]) -> None:
    """Make git read files with assume-unchanged or skip-worktree. Missing ones are sparse and keep the flag."""
    entries = split_nul(repo.git("ls-files", "-v", "-z", at=checkout, env=env))
    flagged = [entry[2:] for entry in entries if entry[0].islower() or entry[0] == "S"]
    present = [path for path in flagged if os.path.lexists(checkout.path / path)]
    for option in ("--no-assume-unchanged", "--no-skip-worktree"):
        update_index(repo, checkout, env, option, present)


def _add_all_files(repo: Repository, checkout: Checkout, env: Mapping[str, str]) -> None:
    others = split_nul(repo.git("ls-files", "--others", "--exclude-standard", "-z", at=checkout, env=env))
    nested = [path for path in others if path.endswith("/")]
    excluded = [f":(top,exclude,literal){path}" for path in nested]
    repo.git("add", "--all", "--sparse", "--", ":/", *excluded, at=checkout, env=env)
    files = [file for path in nested for file in _files_below(checkout.path, path)]
    update_index(repo, checkout, env, "--add", files)


def _files_below(root: Path, nested: str) -> Iterator[str]:
    for folder, folders, names in os.walk(root / nested):
        folders[:] = [name for name in folders if name != ".git"]
        yield from (os.path.relpath(f"{folder}/{name}", root) for name in names if name != ".git")
