"""The tools that move stories: the events that a person may fire, one tool each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from huskies_core.context import Context
from huskies_core.operations import merges, moves, reviews
from huskies_core.operations.arguments import argument
from huskies_core.operations.catalogue_stories import OfStory
from huskies_core.operations.documents import Document
from huskies_core.operations.merges import RetryTo
from huskies_core.operations.move_result import Told, told_document
from huskies_core.operations.moves import said
from huskies_core.operations.registry import Tool


@dataclass(frozen=True, kw_only=True)
class StartStory(OfStory):
    force: bool = argument("Also when dependencies are not met.", default=False)


@dataclass(frozen=True, kw_only=True)
class WithReason(OfStory):
    reason: str = argument("Why; kept in the history.")

    def __post_init__(self) -> None:
        said("reason", self.reason)


@dataclass(frozen=True, kw_only=True)
class RejectStory(OfStory):
    notes: str = argument("What is wrong; goes into the next coder's prompt.")

    def __post_init__(self) -> None:
        said("notes", self.notes)


@dataclass(frozen=True, kw_only=True)
class RetryStory(OfStory):
    to: RetryTo = argument("Where it goes on.", default=RetryTo.MERGE)


@dataclass(frozen=True, kw_only=True)
class MarkMerged(OfStory):
    commit: str = argument("The commit on the base branch that holds the story's work: whatever git takes.")


@dataclass(frozen=True, kw_only=True)
class SupersedeStory(OfStory):
    by: int = argument("The id of the story that replaces it.", least=1)


def _move(
    name: str,
    told: str,
    act: Callable[[Context, Any], Told],
    *,
    arguments: type = OfStory,
    long: bool = False,
) -> Tool:
    def run(context: Context, wanted: Any) -> Document:
        return told_document(act(context, wanted))

    return Tool(name, told, arguments, run, writes=True, long=long)


TOOLS = (
    _move(
        "start_story",
        "Start a story: it goes from the backlog to coding. An epic is never started.",
        lambda context, wanted: moves.start(context, wanted.id, force=wanted.force),
        arguments=StartStory,
    ),
    _move(
        "approve_story",
        "Approve a story that is in QA or held for review: it goes into the merge queue. From inside a QA run this is"
        " its verdict, which is refused while a criterion is not checked.",
        lambda context, wanted: reviews.approve(context, wanted.id),
    ),
    _move(
        "reject_story",
        "Send a story that is in QA or held for review back to coding, with notes. From inside a QA run this is its"
        " verdict.",
        lambda context, wanted: reviews.reject(context, wanted.id, notes=wanted.notes),
        arguments=RejectStory,
    ),
    _move(
        "block_story",
        "Block a story: nothing happens to it before it is unblocked. Its run is ended, its work kept.",
        lambda context, wanted: moves.block(context, wanted.id, reason=wanted.reason),
        arguments=WithReason,
    ),
    _move(
        "unblock_story",
        "Let a blocked story go on where it was; its retries are counted anew.",
        lambda context, wanted: moves.unblock(context, wanted.id),
    ),
    _move(
        "freeze_story",
        "Pause a story. Its run is ended, its work kept.",
        lambda context, wanted: moves.freeze(context, wanted.id),
    ),
    _move(
        "unfreeze_story",
        "Let a paused story go on where it was; its retries are counted anew.",
        lambda context, wanted: moves.unfreeze(context, wanted.id),
    ),
    _move(
        "demote_story",
        "Put a story back into the backlog, where it waits to be started. Worktree and branch stay.",
        lambda context, wanted: moves.demote(context, wanted.id),
    ),
    _move(
        "retry_story",
        "Try a story again after a merge failure; one that is held in the merge queue is tried again at once.",
        lambda context, wanted: merges.retry(context, wanted.id, to=wanted.to),
        arguments=RetryStory,
    ),
    _move(
        "resolve_story",
        "Say that a story's merge conflict is resolved: the base branch is merged into its branch and committed. From"
        " inside a mergemaster's run this is its verdict.",
        lambda context, wanted: reviews.resolve(context, wanted.id),
    ),
    _move(
        "mark_merged",
        "Say that a story was merged by hand. The commit has to be on the base branch.",
        lambda context, wanted: merges.merged(context, wanted.id, commit=wanted.commit),
        arguments=MarkMerged,
    ),
    _move(
        "close_story",
        "Close a story without a merge. Work that was not merged is rescued.",
        lambda context, wanted: moves.close(context, wanted.id, reason=wanted.reason),
        arguments=WithReason,
    ),
    _move(
        "abandon_story",
        "Give a story up: what depends on it is never met. Work that was not merged is rescued.",
        lambda context, wanted: moves.abandon(context, wanted.id, reason=wanted.reason),
        arguments=WithReason,
    ),
    _move(
        "supersede_story",
        "Replace a story by another one: what depends on it waits for that one.",
        lambda context, wanted: moves.supersede(context, wanted.id, by=wanted.by),
        arguments=SupersedeStory,
    ),
    _move(
        "reopen_story",
        "Put a finished story back into the backlog, where it waits to be started and begins on a new branch.",
        lambda context, wanted: moves.reopen(context, wanted.id),
        long=True,
    ),
)
