"""The evidence of a run: the facts that git, the steps and the agent's program report at its end, and its JSON form."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from msgspec import Struct, field
from msgspec.structs import asdict

from huskies_core import merge_results
from huskies_core.clock import from_iso, to_iso
from huskies_core.merge_results import MergeResult


class BranchEvidence(Struct, frozen=True):
    """The story's branch and its worktree, compared with the base branch.

    `head` and `tree` are those of the branch's tip and `base` is the merge base; all three are None if the branch does
    not exist. `dirty` is set if the worktree differs from the tip. `fingerprint` changes with each change of the diff
    against the base, committed or not. `problem` is git's error if git could not read the worktree. The name is empty
    if the base branch does not exist, so that nothing was compared.
    """

    name: str = ""
    head: str | None = None
    base: str | None = None
    tree: str | None = None
    commits_ahead: int = 0
    has_diff: bool = False
    dirty: bool = False
    fingerprint: str | None = None
    problem: str = ""

    @property
    def has_work(self) -> bool:
        """Return whether the branch has commits of its own and a diff against the base."""
        return self.commits_ahead > 0 and self.has_diff

    def to_json(self) -> dict[str, Any]:
        if self.problem:
            counts = {"commits_ahead": self.commits_ahead, "has_diff": self.has_diff}
            return {"branch": self.name, **counts, "problem": self.problem}
        values = asdict(self)
        del values["name"], values["problem"]
        return {} if self == BranchEvidence() else {**values, "branch": self.name}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        values = {name: document[name] for name in _BRANCH_KEYS if name in document}
        return cls(name=document.get("branch", ""), **values)


_BRANCH_KEYS = frozenset(BranchEvidence.__struct_fields__) - {"name"}


class LimitReset(Struct, frozen=True):
    """The time at which the account of a run may be used again, and whether the provider named it."""

    until: datetime
    is_named: bool

    def to_json(self) -> dict[str, Any]:
        return {"until": to_iso(self.until), "told": self.is_named}


class Evidence(Struct, frozen=True):
    """The facts at the end of a run, besides its outcome.

    `unresolved` is the reason why a conflict is not resolved: "" if it is resolved, None for runs of other kinds.
    `failed_setup` names the component with the failed setup; `output` is the end of the output of the failed setup or
    gate.
    `denied` counts the refused tool calls by tool. `other` has the keys of the JSON that this version does not know.
    """

    branch: BranchEvidence = field(default_factory=BranchEvidence)
    unresolved: str | None = None
    failed_setup: str = ""
    output: str | None = None
    merge: MergeResult | None = None
    limit_reset: LimitReset | None = None
    denied: Mapping[str, int] = field(default_factory=dict)
    other: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        limit = self.limit_reset
        values = {
            "setup_failed": self.failed_setup or None,
            "output": self.output,
            "merge": None if self.merge is None else self.merge.to_json(),
            "rate_limit": None if limit is None else limit.to_json(),
            "denied": dict(self.denied) or None,
        }
        resolution = {} if self.unresolved is None else {"unresolved": self.unresolved or None}
        known = {name: value for name, value in values.items() if value is not None}
        return {**self.branch.to_json(), **resolution, **known, **self.other}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        merge, limit = document.get("merge"), document.get("rate_limit")
        return cls(
            branch=BranchEvidence.from_json(document),
            unresolved=(document["unresolved"] or "") if "unresolved" in document else None,
            failed_setup=document.get("setup_failed", ""),
            output=document.get("output"),
            merge=None if merge is None else merge_results.from_json(merge),
            limit_reset=None if limit is None else LimitReset(from_iso(limit["until"]), limit["told"]),
            denied=document.get("denied", {}),
            other={name: value for name, value in document.items() if name not in _KEYS},
        )


_KEYS = _BRANCH_KEYS | {"branch", "unresolved", "setup_failed", "output", "merge", "rate_limit", "denied"}
