"""The results of a merge run, and their JSON form in `result.json` and in the evidence of the run."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, get_args

from msgspec import Struct
from msgspec.structs import asdict


class _Result(Struct, frozen=True, kw_only=True):
    """`branch_tip` is the merged commit of the story's branch, or None if the merge stopped before it read it."""

    name: ClassVar[str] = ""
    branch_tip: str | None = None

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        tip = values.pop("branch_tip")
        known_tip = {} if tip is None else {"branch_tip": tip}
        return {"result": self.name, **values, **known_tip} if self.name else {}


class Landed(_Result, frozen=True):
    """The base branch contains `commit`."""

    name: ClassVar[str] = "landed"
    commit: str


class AlreadyMerged(_Result, frozen=True):
    """A person merged the branch into the base; `commit` is the branch's tip."""

    name: ClassVar[str] = "already_merged"
    commit: str


class Conflict(_Result, frozen=True):
    """The branch and the base change the same lines of `files`."""

    name: ClassVar[str] = "conflict"
    files: tuple[str, ...]


class NoCommits(_Result, frozen=True):
    """The branch adds nothing to the base."""

    name: ClassVar[str] = "no_commits"


class GatesFailed(_Result, frozen=True):
    """A gate failed on the merged tree; `output` begins with the gate and its exit."""

    name: ClassVar[str] = "gates_failed"
    output: str


class BaseBroken(_Result, frozen=True):
    """A gate fails on the base commit `tip` without the story's change."""

    name: ClassVar[str] = "base_broken"
    tip: str
    output: str


class BaseDirty(_Result, frozen=True):
    """A checkout of the base branch does not match `tip`; `paths` are the user's changes, `reason` names the checkout.

    `commit` is the commit that could not land.
    """

    name: ClassVar[str] = "base_dirty"
    tip: str
    commit: str
    paths: tuple[str, ...]
    reason: str


class LostRace(_Result, frozen=True):
    """The base branch moved during the merge, at last in each attempt."""

    name: ClassVar[str] = "tip_moved"


class StoryMoved(_Result, frozen=True):
    """The story left the merge queue before the merge could land."""

    name: ClassVar[str] = "stale"


class Interrupted(_Result, frozen=True):
    """The merge process died during the landing of `commit`, and the base branch does not contain the commit."""

    name: ClassVar[str] = "interrupted"
    commit: str


class OtherFailure(_Result, frozen=True):
    """Neither a conflict nor a gate: git, the disk, the setup of a component or the configuration failed."""

    name: ClassVar[str] = "other"
    detail: str


class NoResult(_Result, frozen=True):
    """The merge process ended before it wrote a result."""


Merged = Landed | AlreadyMerged
Refused = Conflict | NoCommits | GatesFailed | BaseBroken | BaseDirty | LostRace | StoryMoved
Failed = Interrupted | OtherFailure | NoResult
MergeResult = Merged | Refused | Failed

_CLASSES: Mapping[str, Callable[..., MergeResult]] = {kind.name: kind for kind in get_args(MergeResult)}


def from_json(document: Mapping[str, Any]) -> MergeResult:
    """Return the result that `to_json` wrote; NoResult for an empty document.

    A document that no class describes, such as one of another version, is a failed merge: the end of a run must be
    recorded in any case.
    """
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}
    word = values.pop("result", "")
    try:
        return _CLASSES[str(word)](**values)
    except (KeyError, TypeError):
        return OtherFailure(f"the merge result {str(word)[:40]!r} is not known or not complete")
