"""Settings of git that keep Huskies, or agents in their worktrees, from working in this repository."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from huskies_core.git.repository import Repository, split_nul
from huskies_core.project import Project

_TRUE = ("", "true", "yes", "on", "1")
_OURS = ("local", "worktree")
"""The files that lie in the repository: what a run may have changed."""


@dataclass(frozen=True)
class HarmfulSetting:
    """A setting, what it does here, and the command that ends that."""

    key: str
    why: str
    command: str


def harmful_settings(repo: Repository) -> tuple[HarmfulSetting, ...]:
    values = _values(repo)
    return (*_of_place(repo.project, values), *_of_hooks(repo.project, values), *_of_monitor(values))


def notable_settings(repo: Repository) -> tuple[str, ...]:
    """What does no harm and is good to know."""
    values = _values(repo)
    told = {
        "extensions.partialclone": "a partial clone: git fetches what is missing when a worktree is made",
        "extensions.refstorage": "refs are in a reftable: old rescues are not found and stay",
        "core.hookspath": "hooks are where core.hooksPath says: Huskies runs none, agents do",
    }
    return tuple(fact for key, fact in told.items() if _last(values, key)[1] not in ("", "files"))


def is_shallow(repo: Repository) -> bool:
    """Whether history was cut off: what a branch began from may be missing then."""
    return repo.git("rev-parse", "--is-shallow-repository") == "true"


def is_ignored(repo: Repository, path: Path) -> bool:
    """Whether git leaves the path alone, should somebody add all there is."""
    ran = repo.run("check-ignore", "--quiet", "--no-index", str(path))
    return ran.status == 0


def _values(repo: Repository) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Each key with its scopes and values, the one in force last; not what our own command lines say."""
    listed = split_nul(repo.git("config", "--list", "--show-scope", "-z"))
    values: dict[str, list[tuple[str, str]]] = {}
    for scope, entry in zip(listed[::2], listed[1::2], strict=True):
        key, _, value = entry.partition("\n")
        if scope != "command":
            values.setdefault(key, []).append((scope, value))
    return values


def _of_place(project: Project, values: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[HarmfulSetting]:
    scope, bare = _last(values, "core.bare")
    if scope in _OURS and bare in _TRUE:
        yield HarmfulSetting(
            "core.bare", "git takes the checkout for none", "git config --unset-all core.bare"
        )
    scope, place = _last(values, "core.worktree")
    if scope in _OURS and (project.git_dir / place).resolve() != project.root:
        yield HarmfulSetting("core.worktree", f"git works in {place}", "git config --unset-all core.worktree")


def _of_hooks(project: Project, values: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[HarmfulSetting]:
    """Huskies itself runs no hooks; people and agents do. A relative path is each checkout's own."""
    scope, place = _last(values, "core.hookspath")
    if scope not in _OURS or not Path(place).is_absolute():
        return
    command = "git config --unset-all core.hooksPath"
    if Path(place).resolve().is_relative_to(project.state_dir):
        yield HarmfulSetting(
            "core.hooksPath", f"hooks come from {place}, which a story may change or remove", command
        )
    elif not Path(place).is_dir():
        yield HarmfulSetting("core.hooksPath", f"hooks would come from {place}, which is not there", command)


def _of_monitor(values: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[HarmfulSetting]:
    scope, value = _last(values, "core.fsmonitor")
    if scope and value.lower() in _TRUE:
        why = (
            "a daemon of git stays in every worktree, and lock files that a killed git left are never cleared"
        )
        yield HarmfulSetting("core.fsmonitor", why, "git config core.fsmonitor false")


def _last(values: Mapping[str, Sequence[tuple[str, str]]], key: str) -> tuple[str, str]:
    return values[key][-1] if key in values else ("", "")
