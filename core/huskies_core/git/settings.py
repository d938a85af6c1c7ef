"""Git settings and hooks: the harmful ones, and a fingerprint of those that runs share and must not change."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import asdict

from huskies_core.git.repository import Repository, split_nul
from huskies_core.project import Project

_TRUE = ("", "true", "yes", "on", "1")
_OWN_SCOPES = ("local", "worktree")
"""Scopes of the files in the repository, which a run may have changed."""
_NOTABLE = {
    "extensions.partialclone": "a partial clone: git fetches missing objects when a worktree is created",
    "extensions.refstorage": "refs are in a reftable: expired rescues are not found and stay",
    "core.hookspath": "core.hooksPath names the folder of hooks: agents run them, Huskies does not",
}

Settings = Mapping[str, Sequence[tuple[str, str]]]
"""Scopes and values by key, the value in force last."""


class HarmfulSetting(Struct, frozen=True):
    """A setting, the harm that it does, and the command that removes it."""

    key: str
    why: str
    command: str


def harmful_settings(repo: Repository) -> tuple[HarmfulSetting, ...]:
    settings = _read_settings(repo)
    return (
        *_check_checkout(repo.project, settings),
        *_check_hooks(repo.project, settings),
        *_check_monitor(settings),
    )


def notable_settings(repo: Repository) -> tuple[str, ...]:
    """Return a sentence for each setting that does no harm and that a person should know."""
    settings = _read_settings(repo)
    return tuple(fact for key, fact in _NOTABLE.items() if _in_force(settings, key)[1] not in ("", "files"))


def is_shallow(repo: Repository) -> bool:
    """Return whether the history is cut off: the commit that a branch started from may be missing."""
    return repo.git("rev-parse", "--is-shallow-repository") == "true"


def is_ignored(repo: Repository, path: Path) -> bool:
    """Return whether `git add --all` would leave the path out."""
    return repo.run("check-ignore", "--quiet", "--no-index", str(path)).status == 0


def _read_settings(repo: Repository) -> Settings:
    """Return all settings except those of our own command lines."""
    listed = split_nul(repo.git("config", "--list", "--show-scope", "-z"))
    settings: dict[str, list[tuple[str, str]]] = {}
    for scope, entry in zip(listed[::2], listed[1::2], strict=True):
        key, _, value = entry.partition("\n")
        if scope != "command":
            settings.setdefault(key, []).append((scope, value))
    return settings


def _in_force(settings: Settings, key: str) -> tuple[str, str]:
    return settings[key][-1] if key in settings else ("", "")


def _check_checkout(project: Project, settings: Settings) -> Iterator[HarmfulSetting]:
    scope, bare = _in_force(settings, "core.bare")
    if scope in _OWN_SCOPES and bare in _TRUE:
        why = "git treats the repository as one without a checkout"
        yield HarmfulSetting("core.bare", why, "git config --unset-all core.bare")
    scope, path = _in_force(settings, "core.worktree")
    if scope in _OWN_SCOPES and (project.git_dir / path).resolve() != project.root:
        why = f"git works in {path}"
        yield HarmfulSetting("core.worktree", why, "git config --unset-all core.worktree")


def _check_hooks(project: Project, settings: Settings) -> Iterator[HarmfulSetting]:
    """Yield a harmful core.hooksPath. Huskies runs no hooks, but people and agents do.

    A relative path is harmless: it is relative to each checkout.
    """
    scope, folder = _in_force(settings, "core.hookspath")
    if scope not in _OWN_SCOPES or not Path(folder).is_absolute():
        return
    command = "git config --unset-all core.hooksPath"
    if Path(folder).resolve().is_relative_to(project.state_dir):
        why = f"hooks come from {folder}, which a story may change or remove"
        yield HarmfulSetting("core.hooksPath", why, command)
    elif not Path(folder).is_dir():
        yield HarmfulSetting("core.hooksPath", f"hooks come from {folder}, which does not exist", command)


def _check_monitor(settings: Settings) -> Iterator[HarmfulSetting]:
    scope, value = _in_force(settings, "core.fsmonitor")
    if scope and value.lower() in _TRUE:
        why = "git leaves a daemon in every worktree, and Huskies cannot clear lock files of a killed git"
        yield HarmfulSetting("core.fsmonitor", why, "git config core.fsmonitor false")


class Fingerprint(Struct, frozen=True):
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
        *(f"git config: {key} was {change}" for key, change in _changes(before.config, after.config)),
        *(f"hook {name} was {change}" for name, change in _changes(before.hooks, after.hooks)),
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
