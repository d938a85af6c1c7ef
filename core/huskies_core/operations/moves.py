"""The moves: the events that a person applies to stories, each a command and a tool."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from huskies_core.argument import Argument, parse_story_id
from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import StoryError
from huskies_core.ids import StoryId
from huskies_core.operations import branch_work
from huskies_core.operations.common_arguments import story_parameter
from huskies_core.operations.drafts import refuse_cycle
from huskies_core.operations.operation import MOVES, Command, Operation, operation
from huskies_core.operations.story_events import (
    Moved,
    Reported,
    load_story,
    move_story,
    report,
    require_text,
    start,
)
from huskies_core.pipeline import events
from huskies_core.pipeline.stages import Merge
from huskies_core.pipeline.state_machine import bounded, is_allowed
from huskies_core.store import branches, content, queue_holds, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.queue_holds import QUEUE, QueueHoldKind
from huskies_core.store.runs import RunKind, Verdict
from huskies_core.store.stories import Story, StoryType

P = ParamSpec("P")
R = TypeVar("R")
Reason = Annotated[str, Argument("The reason, for the history.", metavar="TEXT")]

_REVIEWED = "stories/qa,review_hold"
_FAILED = "stories/merge_failure,merge_failure_final"


class RetryTo(StrEnum):
    """The stage in which a story continues after a failed merge."""

    MERGE = "merge"
    QA = "qa"
    CODING = "coding"


class Released(Struct, frozen=True):
    """A story in the merge queue, after its queue holds were ended; its stage is the same."""

    story: StoryId
    holds: tuple[QueueHoldKind, ...]


MoveResult = Moved | Reported | Released


def move_json(result: MoveResult) -> Mapping[str, Any]:
    match result:
        case Moved(story, event, before, after, open_criteria):
            moved = {"id": story, "event": event, "before": before, "after": after}
            return {**moved, "open_criteria": list(open_criteria)} if open_criteria else moved
        case Reported(story, run, verdict):
            return {"id": story, "run": run, "verdict": verdict}
        case Released(story, holds):
            return {"id": story, "released": list(holds)}


def _move(
    name: str,
    *,
    completion: str = "stories",
    runs: tuple[RunKind, ...] = (),
    tool: str = "",
    metavar: str = "ID...",
    long: bool = False,
) -> Callable[[Callable[Concatenate[Context, P], R]], Operation[P, R]]:
    """Define the move of the command `name`. The function takes the story's id, and the arguments that it annotates."""

    def check(**values: Any) -> None:
        for field in ("reason", "notes"):
            if field in values:
                require_text(field, values[field])

    return operation(
        tool or f"{name}_story",
        Command(name, MOVES, each="stories"),
        json=move_json,
        writes=True,
        long=long,
        runs=runs,
        check=check,
        arguments=(story_parameter(completion, metavar),),
    )


@_move("start", completion="stories/backlog")
def start_story(
    context: Context,
    story: StoryId,
    *,
    force: Annotated[bool, Argument("Start the story despite unmet dependencies.")] = False,
) -> Moved:
    """Start a story.

    The story moves from backlog to coding. An epic cannot be started. A story with unmet dependencies requires force.
    """
    return start(context, story, force=force)


@_move("approve", completion=_REVIEWED, runs=(RunKind.QA,))
def approve_story(context: Context, story: StoryId) -> Moved | Reported:
    """Approve a story in QA or in review.

    The story enters the merge queue. A spike without commits is closed instead. A person may leave criteria unchecked.
    Inside a QA run, this reports the verdict of the agent, which takes effect after the run has ended; the verdict is
    refused while a criterion is unchecked.
    """
    if context.inside_run is not None:
        return report(context, story, RunKind.QA, Verdict.APPROVED)
    current = load_story(context, story)
    moved = move_story(context, story, _approval(context, current), visit=current.visit)
    return replace(moved, open_criteria=current.draft.open_criteria)


@_move("reject", completion=_REVIEWED, runs=(RunKind.QA,))
def reject_story(
    context: Context,
    story: StoryId,
    *,
    notes: Annotated[str, Argument("The notes for the next prompt of a coder.", metavar="TEXT")],
) -> Moved | Reported:
    """Send a story back to coding, with notes.

    The story must be in QA or in review. The next prompt of a coder contains the notes. A rejection counts as a retry;
    if it exceeds max_retries, the story is blocked instead. Inside a QA run, this reports the verdict of the agent,
    which takes effect after the run has ended.
    """
    require_text("notes", notes)
    if context.inside_run is not None:
        return report(context, story, RunKind.QA, Verdict.REJECTED, notes)
    limit = context.config.project.max_retries
    current = load_story(context, story)
    event: events.Event = events.QaRejected(notes)
    if is_allowed(events.QaRejected, current.stage):
        event = bounded(event, retries=current.retries, max_retries=limit)

    def keep_notes(db: Connection) -> None:
        content.put(db, story, content.QA_NOTES, notes, now=context.now())

    return move_story(context, story, event, visit=current.visit, also=keep_notes)


@_move("block")
def block_story(context: Context, story: StoryId, *, reason: Reason) -> Moved:
    """Block a story, with a reason.

    No pass moves the story until you unblock it. A live run of the story ends; its work stays in the worktree.
    """
    return move_story(context, story, events.Block(require_text("reason", reason)))


@_move("unblock", completion="stories/blocked")
def unblock_story(context: Context, story: StoryId) -> Moved:
    """Continue a blocked story.

    The story returns to its previous stage, and its retries count from 0 again.
    """
    return move_story(context, story, events.Unblock())


@_move("freeze")
def freeze_story(context: Context, story: StoryId) -> Moved:
    """Pause a story.

    No pass moves the story until you unfreeze it. A live run of the story ends; its work stays in the worktree.
    """
    return move_story(context, story, events.Freeze())


@_move("unfreeze", completion="stories/frozen")
def unfreeze_story(context: Context, story: StoryId) -> Moved:
    """Continue a paused story.

    The story returns to its previous stage, and its retries count from 0 again.
    """
    return move_story(context, story, events.Unfreeze())


@_move("demote")
def demote_story(context: Context, story: StoryId) -> Moved:
    """Put a story back into the backlog.

    The story waits there until you start it. Its worktree and branch are kept.
    """
    return move_story(context, story, events.Demote())


@_move("retry", completion=_FAILED)
def retry_story(
    context: Context,
    story: StoryId,
    *,
    to: Annotated[
        RetryTo, Argument("The stage to continue in: merge, qa or coding.", metavar="STAGE")
    ] = RetryTo.MERGE,
) -> Moved | Released:
    """Retry a story after a merge failure.

    If the story is in the merge queue, this ends its queue holds: uncommitted changes in the checkout, or gates that
    fail on the base branch.
    """
    current = load_story(context, story)
    event: events.Event
    match to:
        case RetryTo.MERGE if isinstance(current.stage, Merge):
            return _release(context, story)
        case RetryTo.MERGE:
            hint = f"'huskies retry {story} --to coding' sends it back to a coder."
            event = branch_work.queue_event(context, current, events.MergeRetried, hint)
        case RetryTo.QA:
            event = events.RequeuedForQa()
        case RetryTo.CODING:
            event = events.FixupRequested(f"sent back by {context.actor}")
    return move_story(context, story, event, visit=current.visit)


@_move("resolve", completion=_FAILED, runs=(RunKind.MERGEMASTER,))
def resolve_story(context: Context, story: StoryId) -> Moved | Reported:
    """Report that a story's merge conflict is resolved.

    The base branch must be merged into the branch of the story and everything committed, without conflict markers.
    Inside a mergemaster run, this reports the verdict of the agent, which takes effect after the run has ended.
    """
    if context.inside_run is not None:
        branch_work.refuse_unresolved_by_run(context, story)
        return report(context, story, RunKind.MERGEMASTER, Verdict.RESOLVED)
    current = load_story(context, story)
    branch_work.refuse_unresolved(context, current)
    hint = "Demote it to begin again, or close it with --reason."
    event = branch_work.queue_event(context, current, events.ConflictResolved, hint)
    return move_story(context, story, event, visit=current.visit)


@_move(
    "merged", completion="stories/merge,merge_failure,merge_failure_final", tool="mark_merged", metavar="ID"
)
def mark_merged_story(
    context: Context,
    story: StoryId,
    *,
    commit: Annotated[
        str, Argument("The commit on the base branch: any name that git accepts.", metavar="SHA")
    ],
) -> Moved:
    """Report that a story was merged by hand.

    The commit must be on the base branch.
    """
    current = load_story(context, story)
    event = events.MergeSucceeded(branch_work.commit_on_base(context, commit), to_iso(context.now()))
    return move_story(context, story, event, visit=current.visit)


@_move("close")
def close_story(context: Context, story: StoryId, *, reason: Reason) -> Moved:
    """Close a story without a merge.

    The story is archived. Work that was not merged is rescued; see 'huskies rescue list'.
    """
    event = events.Close(require_text("reason", reason), to_iso(context.now()))
    return move_story(context, story, event)


@_move("abandon")
def abandon_story(context: Context, story: StoryId, *, reason: Reason) -> Moved:
    """Abandon a story.

    A dependency on the story is never met. Work that was not merged is rescued; see 'huskies rescue list'.
    """
    return move_story(context, story, events.Abandon(require_text("reason", reason)))


@_move("supersede")
def supersede_story(
    context: Context,
    story: StoryId,
    *,
    by: Annotated[
        StoryId,
        Argument(
            "The story that replaces it.", least=1, metavar="ID", parse=parse_story_id, completion="stories"
        ),
    ],
) -> Moved:
    """Replace a story by another one.

    Stories that depend on the replaced story wait for the other one instead.
    """

    def check(db: Connection, current: Story) -> None:
        if by == story:
            hint = "Name another story with --by."
            raise StoryError(current.id, "cannot replace itself", hint=hint, code="dependency_cycle")
        stories.load(db, by)

    event = events.Supersede(by)
    return move_story(context, story, event, check=check, also=lambda db: refuse_cycle(db, story))


@_move("reopen", completion="finished", long=True)
def reopen_story(context: Context, story: StoryId) -> Moved:
    """Put a finished story back into the backlog.

    The story waits there until you start it, and then gets a new branch.
    """
    moved = move_story(context, story, events.Reopen())
    with context.store.reading() as db:
        current, is_live = stories.load(db, story), runs.live_of_story(db, story) is not None
        has_branch = branches.base_commit(db, story) is not None
    if has_branch and not is_live and current.returned_by == events.Reopen.name:
        from huskies_core.runs.story_worktrees import unmake_worktree

        # It rescues the commits of the branch. After a crash before this call, the pass worktrees does it.
        unmake_worktree(context, current, context.now())
    return moved


def _approval(context: Context, story: Story) -> events.Event:
    """Return the event of an approval: a spike without commits is closed."""
    is_spike = story.draft.type is StoryType.SPIKE and is_allowed(events.QaPassed, story.stage)
    if is_spike and not branch_work.read_work(context, story.id).has_work:
        return events.Close("approved without changes", to_iso(context.now()))
    hint = "Reject it with --notes, or close it with --reason."
    return branch_work.queue_event(context, story, events.QaPassed, hint)


def _release(context: Context, story: StoryId) -> Released:
    """End the queue holds of a story in the merge queue."""
    with context.store.exclusive() as db:
        current = stories.load(db, story)
        ended = [hold for hold in queue_holds.everything(db) if hold.story in (story, QUEUE)]
        if not isinstance(current.stage, Merge) or not ended:
            fact = f"is in {current.stage.name.value} and has no queue hold: there is nothing to retry"
            hint = f"'huskies explain {story}' shows its blockers."
            raise StoryError(story, fact, hint=hint, code="invalid_transition")
        for hold in ended:
            queue_holds.release(db, hold, actor=context.actor, now=context.now())
    return Released(story, tuple(hold.kind for hold in ended))
