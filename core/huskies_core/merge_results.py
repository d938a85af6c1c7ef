"""The results of a merge run, and their JSON form in `result.json` and in the evidence of the run."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, ValidationError, convert, to_builtins


class _Result(
    Struct, frozen=True, kw_only=True, tag_field="result", omit_defaults=True, forbid_unknown_fields=True
):
    """`branch_tip` is the merged commit of the story's branch, or None if the merge stopped before it read it."""

    branch_tip: str | None = None

    @property
    def name(self) -> str:
        return str(self.__struct_config__.tag)

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = to_builtins(self) if self.name else {}
        return document


class Landed(_Result, frozen=True, tag="landed"):
    """The base branch contains `commit`."""

    commit: str


class AlreadyMerged(_Result, frozen=True, tag="already_merged"):
    """A person merged the branch into the base; `commit` is the branch's tip."""

    commit: str


class Conflict(_Result, frozen=True, tag="conflict"):
    """The branch and the base change the same lines of `files`."""

    files: tuple[str, ...]


class NoCommits(_Result, frozen=True, tag="no_commits"):
    """The branch adds nothing to the base."""


class GatesFailed(_Result, frozen=True, tag="gates_failed"):
    """A gate failed on the merged tree; `output` begins with the gate and its exit."""

    output: str


class BaseBroken(_Result, frozen=True, tag="base_broken"):
    """A gate fails on the base commit `tip` without the story's change."""

    tip: str
    output: str


class BaseDirty(_Result, frozen=True, tag="base_dirty"):
    """A checkout of the base branch does not match `tip`; `paths` are the user's changes, `reason` names the checkout.

    `commit` is the commit that could not land.
    """

    tip: str
    commit: str
    paths: tuple[str, ...]
    reason: str


class LostRace(_Result, frozen=True, tag="tip_moved"):
    """The base branch moved during each attempt of the merge."""


class StoryMoved(_Result, frozen=True, tag="stale"):
    """The story left the merge queue before the merge could land."""


class Interrupted(_Result, frozen=True, tag="interrupted"):
    """The merge process died during the landing of `commit`, and the base branch does not contain the commit."""

    commit: str


class OtherFailure(_Result, frozen=True, tag="other"):
    """A failure of git, the disk, the setup of a component or the configuration."""

    detail: str


class NoResult(_Result, frozen=True, tag=""):
    """The merge process ended before it wrote a result."""


Merged = Landed | AlreadyMerged
Refused = Conflict | NoCommits | GatesFailed | BaseBroken | BaseDirty | LostRace | StoryMoved
Failed = Interrupted | OtherFailure | NoResult
MergeResult = Merged | Refused | Failed


def from_json(document: Mapping[str, Any]) -> MergeResult:
    """Return the result that `to_json` wrote; NoResult for an empty document.

    A document that no class describes, such as one of another version, is a failed merge: the end of a run must be
    recorded in any case.
    """
    try:
        result: MergeResult = convert({"result": "", **document}, MergeResult)
    except ValidationError:
        word = str(document.get("result"))[:40]
        return OtherFailure(f"the merge result {word!r} is not known or not complete")
    return result
