"""What a commit changes between two trees, path by path."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from huskies_core.git.repository import Checkout, Repository, split_nul

_ABSENT = "000000"
GITLINK = "160000"


@dataclass(frozen=True)
class Entry:
    """A file, link or submodule in a tree or an index: its mode in octal and the id of its content."""

    mode: str
    oid: str


@dataclass(frozen=True)
class Change:
    """`before` is None for a path that is new, `after` for one that goes."""

    path: str
    before: Entry | None
    after: Entry | None


def changes_between(repo: Repository, tip: str, commit: str) -> tuple[Change, ...]:
    """Every path that differs, a rename as the two paths it is."""
    parts = split_nul(repo.git("diff-tree", "-r", "-z", "--raw", "--no-renames", tip, commit))
    return tuple(_change(head, path) for head, path in zip(parts[::2], parts[1::2], strict=True))


def _change(head: str, path: str) -> Change:
    old_mode, new_mode, old, new, _ = head.removeprefix(":").split(" ")
    return Change(path, _entry(old_mode, old), _entry(new_mode, new))


def _entry(mode: str, oid: str) -> Entry | None:
    return None if mode == _ABSENT else Entry(mode, oid)


def index_lines(entries: Mapping[str, Entry | None]) -> str:
    """Input for `update-index -z --index-info`: what goes first, as it may be in the way of what comes."""
    null = "0" * next((len(entry.oid) for entry in entries.values() if entry), 40)
    gone = (f"0 {null}\t{path}\0" for path, entry in entries.items() if entry is None)
    set_to = (f"{entry.mode} {entry.oid}\t{path}\0" for path, entry in entries.items() if entry)
    return "".join((*gone, *set_to))


def differing_paths(repo: Repository, place: Checkout, entries: Mapping[str, Entry]) -> frozenset[str]:
    """Those of the paths that are not in the checkout as their entry says. Changes nothing.

    The index that git is asked with has these paths alone, without flags and known times: it must read the files.
    A submodule counts as its checked-out commit.
    """
    if not entries:
        return frozenset()
    with TemporaryDirectory(prefix="huskies-") as scratch:
        env = {"GIT_INDEX_FILE": f"{scratch}/index"}
        repo.git("update-index", "-z", "--index-info", at=place, env=env, stdin=index_lines(entries))
        repo.git("update-index", "-q", "--refresh", at=place, env=env, ok=(0, 1))
        shape = ("-z", "--name-only", "--ignore-submodules=dirty")
        return frozenset(split_nul(repo.git("diff-files", *shape, at=place, env=env)))


_ASSUMED, _SKIPPED = "hs", "Ss"


def read_flags(repo: Repository, place: Checkout, paths: Collection[str]) -> dict[str, str]:
    """Those of `paths` that are flagged, with the letters of `ls-files -v` (h, S, or s for both)."""
    entries = split_nul(repo.git("ls-files", "-v", "-z", at=place))
    flagged = ((entry[2:], entry[0]) for entry in entries if entry[0] in _ASSUMED + _SKIPPED)
    return {path: letter for path, letter in flagged if path in paths}


def is_sparse(place: Checkout, path: str, flags: Mapping[str, str]) -> bool:
    """Whether a sparse checkout leaves the path out: flagged so, and not there."""
    return flags.get(path, "h") in _SKIPPED and not os.path.lexists(place.path / path)


def clear_flags(repo: Repository, place: Checkout, flags: Mapping[str, str], env: Mapping[str, str]) -> None:
    """Takes the flags off in the index that `env` names."""
    _mark(repo, place, env, "--no-assume-unchanged", list(flags))
    _mark(repo, place, env, "--no-skip-worktree", list(flags))


def set_flags(repo: Repository, place: Checkout, flags: Mapping[str, str], env: Mapping[str, str]) -> None:
    """Puts the flags back, in the index that `env` names; each path must be in it."""
    _mark(repo, place, env, "--assume-unchanged", [path for path in flags if flags[path] in _ASSUMED])
    _mark(repo, place, env, "--skip-worktree", [path for path in flags if flags[path] in _SKIPPED])


def _mark(repo: Repository, place: Checkout, env: Mapping[str, str], option: str, paths: list[str]) -> None:
    if paths:
        stdin = "\0".join(paths) + "\0"
        repo.git("update-index", option, "-z", "--stdin", at=place, env=env, stdin=stdin)
