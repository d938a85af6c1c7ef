"""Retry of failed merges, release of queue holds, and merges that a person made by hand."""

from dataclasses import dataclass
from enum import StrEnum

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.branch_work import no_commits, work_of
from huskies_core.operations.story_events import Moved, apply_decided, load_story
from huskies_core.pipeline.events import Event, FixupRequested, MergeRetried, MergeSucceeded, RequeuedForQa
from huskies_core.pipeline.stages import Merge
from huskies_core.pipeline.state_machine import is_allowed
from huskies_core.store import queue_holds, stories
from huskies_core.store.queue_holds import QUEUE, QueueHoldKind
from huskies_core.store.stories import Story


class RetryTo(StrEnum):
    """The stage in which a story continues after a failed merge."""

    MERGE = "merge"
    QA = "qa"
    CODING = "coding"


@dataclass(frozen=True)
class Released:
    """A story in the merge queue, after its queue holds were ended; its stage is the same."""

    story: int
    holds: tuple[QueueHoldKind, ...]


def retry(context: Context, story: int, to: RetryTo = RetryTo.MERGE) -> Moved | Released:
    """Move a story on after a merge failure. For a story in the merge queue, end its queue holds."""
    current = load_story(context, story)
    if isinstance(current.stage, Merge) and to is RetryTo.MERGE:
        return _release(context, story)
    return apply_decided(context, current, _retry_event(context, current, to))


def mark_merged(context: Context, story: int, commit: str) -> Moved:
    """Move a story to done. `commit` is any name of a commit that git knows in the main checkout.

    Raise HuskiesError `unknown_commit`, and `not_on_base` if the base branch does not contain it.
    """
    current = load_story(context, story)
    landed = _commit_on_base(context, commit)
    return apply_decided(context, current, MergeSucceeded(landed, to_iso(context.now())))


def _release(context: Context, story: int) -> Released:
    with context.store.exclusive() as db:
        current = stories.load(db, story)
        ended = [hold for hold in queue_holds.everything(db) if hold.story in (story, QUEUE)]
        if not isinstance(current.stage, Merge) or not ended:
            raise HuskiesError(
                f"story {story} is in {current.stage.name.value} and has no queue hold: there is nothing to retry",
                hint=f"'huskies explain {story}' shows its blockers.",
                code="invalid_transition",
                subject=str(story),
            )
        for hold in ended:
            queue_holds.release(db, hold, actor=context.actor, now=context.now())
    return Released(story, tuple(hold.kind for hold in ended))


def _retry_event(context: Context, story: Story, to: RetryTo) -> Event:
    if to is RetryTo.QA:
        return RequeuedForQa()
    if to is RetryTo.CODING:
        return FixupRequested(f"sent back by {context.actor}")
    if not is_allowed(MergeRetried, story.stage):
        return MergeRetried("", 0)
    work = work_of(context, story.id)
    if not work.commits:
        raise no_commits(story, work, f"'huskies retry {story.id} --to coding' sends it back to a coder.")
    return MergeRetried(work.branch, work.commits)


def _commit_on_base(context: Context, commit: str) -> str:
    from huskies_core.git.history import is_on_base, resolve_commit

    commit_id = resolve_commit(context.repository, commit)
    if commit_id is None:
        hint = "Name the commit with the story's work: its id, or another name that git knows."
        raise HuskiesError(f"there is no commit {commit}", hint=hint, code="unknown_commit", subject="commit")
    if not is_on_base(context.repository, commit_id, context.base_branch):
        fact = f"{context.base_branch} does not contain {commit_id[:12]}"
        raise HuskiesError(fact, hint="Merge it there first.", code="not_on_base", subject="commit")
    return commit_id
