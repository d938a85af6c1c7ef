"""Fingerprint of state that runs share and must not change: git config, remotes, hooks, the main checkout's branch."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from huskies_core.git.repository import Repository, split_nul


@dataclass(frozen=True)
class Fingerprint:
    """Digests by config key and by hook name, no values: a config may contain secrets.

    `branch` is "" when the main checkout's HEAD is detached.
    """

    config: Mapping[str, str]
    hooks: Mapping[str, str]
    branch: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(dict(document["config"]), dict(document["hooks"]), str(document["branch"]))


def take_fingerprint(repo: Repository) -> Fingerprint:
    values = _read_config(repo)
    digests = {
        key: hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
        for key, lines in values.items()
    }
    own = values.get("core.hookspath")
    hooks = repo.project.root / os.path.expanduser(own[-1]) if own else repo.project.git_dir / "hooks"
    return Fingerprint(digests, dict(_read_hooks(hooks)), repo.checked_out_branch() or "")


def differences(before: Fingerprint, after: Fingerprint) -> tuple[str, ...]:
    """Return one sentence for each difference, in a fixed order."""
    sentences = [
        *(f"git config: {key} was {how}" for key, how in _changes(before.config, after.config)),
        *(f"hook {name} was {how}" for name, how in _changes(before.hooks, after.hooks)),
    ]
    if before.branch != after.branch:
        old, new = before.branch or "a detached HEAD", after.branch or "a detached HEAD"
        sentences.append(f"the main checkout went from {old} to {new}")
    return tuple(sentences)


def _read_config(repo: Repository) -> dict[str, list[str]]:
    """Return the values in the repository's own files, without those of `-c` and of the user's files."""
    values: dict[str, list[str]] = {}
    for name in ("config", "config.worktree"):
        path = repo.project.git_dir / name
        listed = split_nul(repo.git("config", "--file", str(path), "--list", "-z")) if path.exists() else []
        for entry in listed:
            key, _, value = entry.partition("\n")
            values.setdefault(key, []).append(value)
    return values


def _read_hooks(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each hook with its mode and digest, as far as this user may read them."""
    if not os.access(folder, os.R_OK | os.X_OK):
        return
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix != ".sample":
            is_readable = os.access(path, os.R_OK)
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if is_readable else "unreadable"
            yield path.name, f"{path.stat().st_mode & 0o777:o} {digest}"


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield name, "added"
        elif name not in after:
            yield name, "removed"
        elif before[name] != after[name]:
            yield name, "changed"
