"""The tree of what a worktree holds at this moment, changed and new files too; its index stays as it is."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from huskies_core.git.repository import Checkout, GitError, Repository, split_nul


def write_tree(repo: Repository, checkout: Checkout) -> str:
    """The id of that tree; its objects are written to the repository. Ignored files are left out.

    Files of a repository nested in the worktree are in it, that repository's history is not.
    """
    with TemporaryDirectory(prefix="huskies-") as scratch:
        return _tree(repo, checkout, {"GIT_INDEX_FILE": f"{scratch}/index"})


@contextmanager
def temporary_tree(repo: Repository, checkout: Checkout) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The id of that tree, and the environment in which its objects exist as long as the block lasts."""
    with TemporaryDirectory(prefix="huskies-") as scratch:
        objects = {
            "GIT_OBJECT_DIRECTORY": f"{scratch}/objects",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo.project.git_dir / "objects"),
        }
        Path(scratch, "objects").mkdir()
        yield _tree(repo, checkout, {"GIT_INDEX_FILE": f"{scratch}/index", **objects}), objects


def _tree(repo: Repository, checkout: Checkout, env: Mapping[str, str]) -> str:
    index = Path(env["GIT_INDEX_FILE"])
    own = checkout.git_dir / "index"
    if own.exists():
        shutil.copyfile(own, index)
        try:
            return _filled(repo, checkout, env)
        except GitError:
            index.unlink()  # torn by a full disk or a kill: HEAD says as well what is tracked
    repo.git("read-tree", "HEAD", at=checkout, env=env)
    return _filled(repo, checkout, env)


def _filled(repo: Repository, checkout: Checkout, env: Mapping[str, str]) -> str:
    if checkout.path.is_dir():
        _unflag(repo, checkout, env)
        _add_everything(repo, checkout, env)
    return repo.git("write-tree", at=checkout, env=env)


def _unflag(repo: Repository, checkout: Checkout, env: Mapping[str, str]) -> None:
    """Makes git look at files that it was told to take as unchanged; absent ones are sparse and stay so."""
    entries = split_nul(repo.git("ls-files", "-v", "-z", at=checkout, env=env))
    flagged = [entry[2:] for entry in entries if entry[0].islower() or entry[0] == "S"]
    present = [path for path in flagged if os.path.lexists(checkout.path / path)]
    for flag in ("--no-assume-unchanged", "--no-skip-worktree") if present else ():
        _update_index(repo, checkout, env, flag, paths=present)


def _add_everything(repo: Repository, checkout: Checkout, env: Mapping[str, str]) -> None:
    others = split_nul(repo.git("ls-files", "--others", "--exclude-standard", "-z", at=checkout, env=env))
    nested = [path for path in others if path.endswith("/")]
    excluded = [f":(top,exclude,literal){path}" for path in nested]
    repo.git("add", "--all", "--sparse", "--", ":/", *excluded, at=checkout, env=env)
    files = [file for path in nested for file in _files_below(checkout.path, path)]
    if files:
        _update_index(repo, checkout, env, "--add", paths=files)


def _files_below(root: Path, nested: str) -> Iterator[str]:
    for folder, folders, names in os.walk(root / nested):
        folders[:] = [name for name in folders if name != ".git"]
        yield from (os.path.relpath(f"{folder}/{name}", root) for name in names if name != ".git")


def _update_index(
    repo: Repository, checkout: Checkout, env: Mapping[str, str], option: str, *, paths: list[str]
) -> None:
    repo.git("update-index", option, "-z", "--stdin", at=checkout, env=env, stdin="\0".join(paths) + "\0")
