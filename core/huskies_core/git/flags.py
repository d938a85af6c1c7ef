"""The flags that tell git not to look at a file: assume-unchanged and skip-worktree."""

import os
from collections.abc import Collection, Mapping

from huskies_core.git.repository import Checkout, Repository, fields

_ASSUMED, _SKIPPED = "hs", "Ss"


def read_flags(repo: Repository, place: Checkout, paths: Collection[str]) -> dict[str, str]:
    """Those of `paths` that are flagged, with the letters of `ls-files -v` (h, S, or s for both)."""
    entries = fields(repo.git("ls-files", "-v", "-z", at=place))
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
