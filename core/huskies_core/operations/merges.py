"""What a person says of the merge queue: try it again, or that a story was merged by hand."""

from dataclasses import dataclass
from enum import StrEnum

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.branch_work import no_commits, work_of
from huskies_core.operations.moves import Moved, fire_seen, seen_story
from huskies_core.pipeline.events import Event, FixupRequested, MergeRetried, MergeSucceeded, RequeuedForQa
from huskies_core.pipeline.stages import Merge
from huskies_core.pipeline.state_machine import is_allowed
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.store import queue_holds, stories
from huskies_core.store.queue_holds import QUEUE, QueueHoldKind
from huskies_core.store.stories import Story


class RetryTo(StrEnum):
    """Where a failed merge goes on."""

    MERGE = "merge"
    QA = "qa"
    CODING = "coding"


@dataclass(frozen=True)
class Released:
    """A story in the merge queue that nothing holds any more; its stage is the same."""

    story: int
    holds: tuple[QueueHoldKind, ...]


def retry(context: Context, story: int, *, to: RetryTo = RetryTo.MERGE) -> Moved | Released:
    """After a merge failure: again into the queue, to QA or to a coder. In the queue: ends what holds it."""
    refuse_inside_run(context)
    seen = seen_story(context, story)
    if isinstance(seen.stage, Merge) and to is RetryTo.MERGE:
        return _release(context, story)
    return fire_seen(context, seen, _retrial(context, seen, to))


def merged(context: Context, story: int, *, commit: str) -> Moved:
    """Done by hand, with the full id of `commit`, which is whatever git takes for one in the main checkout.

    Raises HuskiesError `unknown_commit`, and `not_on_base` when the base branch does not contain it.
    """
    refuse_inside_run(context)
    seen = seen_story(context, story)
    landed = _commit_on_base(context, commit)
    return fire_seen(context, seen, MergeSucceeded(landed, to_iso(context.now())))


def _release(context: Context, story: int) -> Released:
    with context.store.exclusive() as db:
        seen = stories.load(db, story)
        ended = [hold for hold in queue_holds.everything(db) if hold.story in (story, QUEUE)]
        if not isinstance(seen.stage, Merge) or not ended:
            raise _not_held(seen)
        for hold in ended:
            queue_holds.release(db, hold, actor=context.actor, now=context.now())
    return Released(story, tuple(hold.kind for hold in ended))


def _not_held(story: Story) -> HuskiesError:
    return HuskiesError(
        f"story {story.id} is in {story.stage.name.value} and nothing holds it: there is nothing to retry",
        hint=f"'huskies explain {story.id}' says what it waits for.",
        code="invalid_transition",
        subject=str(story.id),
    )


def _retrial(context: Context, seen: Story, to: RetryTo) -> Event:
    if to is RetryTo.QA:
        return RequeuedForQa()
    if to is RetryTo.CODING:
        return FixupRequested(f"sent back by {context.actor}")
    if not is_allowed(MergeRetried, seen.stage):
        return MergeRetried("", 0)
    work = work_of(context, seen.id)
    if not work.commits:
        raise no_commits(seen, work, f"'huskies retry {seen.id} --to coding' has it coded again.")
    return MergeRetried(work.branch, work.commits)


def _commit_on_base(context: Context, commit: str) -> str:
    from huskies_core.git.history import is_on_base, named_commit

    known = named_commit(context.repository, commit)
    if known is None:
        hint = "Name the commit that holds the story's work: its id, or what git knows it by."
        raise HuskiesError(f"there is no commit {commit}", hint=hint, code="unknown_commit", subject="commit")
    if not is_on_base(context.repository, known, context.base_branch):
        fact = f"{context.base_branch} does not contain {known[:12]}"
        raise HuskiesError(fact, hint="Merge it there first.", code="not_on_base", subject="commit")
    return known
