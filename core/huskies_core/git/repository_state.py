"""A fingerprint of what runs share and none may change: git config, remotes, hooks, the main branch."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from huskies_core.git.repository import Repository, split_nul

_HOOKS_PATH = "core.hookspath"


@dataclass(frozen=True)
class Fingerprint:
    """Digests by key of the config and by file name of the hooks: a config may hold secrets.

    `branch` is "" when the main checkout's HEAD is detached.
    """

    config: Mapping[str, str]
    hooks: Mapping[str, str]
    branch: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(dict(stored["config"]), dict(stored["hooks"]), str(stored["branch"]))


def take_fingerprint(repo: Repository) -> Fingerprint:
    values = _config(repo)
    digests = {key: _digest("\n".join(found)) for key, found in values.items()}
    hooks = dict(_hooks(_hooks_folder(repo, values)))
    return Fingerprint(digests, hooks, repo.checked_out_branch() or "")


def differences(before: Fingerprint, after: Fingerprint) -> tuple[str, ...]:
    """What changed between the two, a sentence for each thing, in a fixed order; empty when nothing did."""
    found = [
        *(f"git config: {key} was {how}" for key, how in _changes(before.config, after.config)),
        *(f"hook {name} was {how}" for name, how in _changes(before.hooks, after.hooks)),
    ]
    if before.branch != after.branch:
        was, now = before.branch or "a detached HEAD", after.branch or "a detached HEAD"
        found.append(f"the main checkout went from {was} to {now}")
    return tuple(found)


def _config(repo: Repository) -> dict[str, list[str]]:
    """The shared file's own keys: what `-c` and the user's files say is not in it."""
    values: dict[str, list[str]] = {}
    for name in ("config", "config.worktree"):
        path = repo.project.git_dir / name
        listed = split_nul(repo.git("config", "--file", str(path), "--list", "-z")) if path.exists() else []
        for entry in listed:
            key, _, value = entry.partition("\n")
            values.setdefault(key, []).append(value)
    return values


def _hooks_folder(repo: Repository, values: Mapping[str, list[str]]) -> Path:
    own = values.get(_HOOKS_PATH)
    return repo.project.root / os.path.expanduser(own[-1]) if own else repo.project.git_dir / "hooks"


def _hooks(folder: Path) -> Iterator[tuple[str, str]]:
    """Each hook with its mode and content, as far as this user may look."""
    if not os.access(folder, os.R_OK | os.X_OK):
        return
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix != ".sample":
            yield path.name, f"{path.stat().st_mode & 0o777:o} {_digest_of(path)}"


def _digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if os.access(path, os.R_OK) else "unreadable"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield name, "added"
        elif name not in after:
            yield name, "removed"
        elif before[name] != after[name]:
            yield name, "changed"
