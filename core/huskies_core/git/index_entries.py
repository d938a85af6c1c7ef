"""Entries of trees and indexes: the changes of a commit, the differences of a checkout, and the flags of files."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from huskies_core.git.repository import Checkout, Repository, split_nul

_ABSENT = "000000"
_ASSUMED, _SKIPPED = "hs", "Ss"
GITLINK = "160000"


@dataclass(frozen=True)
class FileEntry:
    """A file, link or submodule in a tree or an index: its mode in octal and the id of its content."""

    mode: str
    oid: str


@dataclass(frozen=True)
class PathChange:
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


def index_lines(entries: Mapping[str, FileEntry | None]) -> str:
    """Return input for `update-index -z --index-info`. Deletions come first: a deleted file may have the name of
    an added folder."""
    null = "0" * next((len(entry.oid) for entry in entries.values() if entry), 40)
    deletions = (f"0 {null}\t{path}\0" for path, entry in entries.items() if entry is None)
    additions = (f"{entry.mode} {entry.oid}\t{path}\0" for path, entry in entries.items() if entry)
    return "".join((*deletions, *additions))


def differing_paths(repo: Repository, checkout: Checkout, entries: Mapping[str, FileEntry]) -> frozenset[str]:
    """Return the paths at which the checkout differs from the entries, after git's filters. Change nothing.

    The temporary index has these paths alone, without flags and file times, so git reads every file. Git compares
    the checked-out commit of a submodule.
    """
    if not entries:
        return frozenset()
    with TemporaryDirectory(prefix="huskies-") as scratch:
        env = {"GIT_INDEX_FILE": f"{scratch}/index"}
        repo.git("update-index", "-z", "--index-info", at=checkout, env=env, stdin=index_lines(entries))
        repo.git("update-index", "-q", "--refresh", at=checkout, env=env, ok=(0, 1))
        options = ("-z", "--name-only", "--ignore-submodules=dirty")
        return frozenset(split_nul(repo.git("diff-files", *options, at=checkout, env=env)))


def read_flags(repo: Repository, checkout: Checkout, paths: Collection[str]) -> dict[str, str]:
    """Return the letter of `ls-files -v` for each of `paths` with a flag.

    h is assume-unchanged, S is skip-worktree, s is both.
    """
    entries = split_nul(repo.git("ls-files", "-v", "-z", at=checkout))
    return {
        path: letter
        for letter, path in ((entry[0], entry[2:]) for entry in entries)
        if letter in _ASSUMED + _SKIPPED and path in paths
    }


def is_sparse(checkout: Checkout, path: str, flags: Mapping[str, str]) -> bool:
    """Return whether a sparse checkout leaves the path out: it has skip-worktree and no file."""
    return flags.get(path, "h") in _SKIPPED and not os.path.lexists(checkout.path / path)


def clear_flags(
    repo: Repository, checkout: Checkout, flags: Mapping[str, str], env: Mapping[str, str]
) -> None:
    """Clear both flags of the paths in the index that `env` names."""
    update_index(repo, checkout, env, "--no-assume-unchanged", list(flags))
    update_index(repo, checkout, env, "--no-skip-worktree", list(flags))


def set_flags(repo: Repository, checkout: Checkout, flags: Mapping[str, str], env: Mapping[str, str]) -> None:
    """Set the flags in the index that `env` names. Each path must be in it."""
    assumed = [path for path in flags if flags[path] in _ASSUMED]
    skipped = [path for path in flags if flags[path] in _SKIPPED]
    update_index(repo, checkout, env, "--assume-unchanged", assumed)
    update_index(repo, checkout, env, "--skip-worktree", skipped)


def update_index(
    repo: Repository, checkout: Checkout, env: Mapping[str, str], option: str, paths: list[str]
) -> None:
    """Run `update-index` with the option on the paths, if there are any, in the index that `env` names."""
    if paths:
        stdin = "\0".join(paths) + "\0"
        repo.git("update-index", option, "-z", "--stdin", at=checkout, env=env, stdin=stdin)
