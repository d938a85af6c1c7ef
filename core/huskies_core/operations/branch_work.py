"""The commits on a story's branch, read from git before a transaction that depends on them."""

from typing import TYPE_CHECKING

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, StoryError
from huskies_core.humanize import format_count
from huskies_core.ids import StoryId
from huskies_core.operations.authorization import own_run
from huskies_core.pipeline.events import ConflictResolved, Mergeable
from huskies_core.pipeline.stages import MergeFailure, MergeFailureKind
from huskies_core.pipeline.state_machine import is_allowed
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Story

if TYPE_CHECKING:
    from huskies_core.git.branch_state import BranchState


def read_work(context: Context, story: StoryId) -> "BranchState":
    """Return the state of a story's branch. Raise HuskiesError `no_base` if there is no base branch."""
    from huskies_core.git.branch_state import read_branch_state
    from huskies_core.runs.story_worktrees import base_tip

    return read_branch_state(context.repository, story, base_tip=base_tip(context))


def no_commits(story: Story, work: "BranchState", hint: str) -> StoryError:
    fact = "has no commits on its branch"
    if work.commits_ahead:
        commits = format_count(work.commits_ahead, "commit")
        fact = f"has {commits} on its branch that change nothing on the base branch"
    return StoryError(story.id, f"{fact}, so there is nothing to merge", hint=hint, code="no_commits")


def queue_event(context: Context, story: Story, event: type[Mergeable], hint: str) -> Mergeable:
    """Return the event that moves the story into the merge queue. Raise HuskiesError `no_commits` with `hint`.

    If the stage does not allow the event, return one that the state machine refuses, and do not read the branch.
    """
    if not is_allowed(event, story.stage):
        return event("", 0)
    from huskies_core.git.worktrees import branch_of

    work = read_work(context, story.id)
    if not work.has_work:
        raise no_commits(story, work, hint)
    return event(branch_of(story.id), work.commits_ahead)


def refuse_unresolved(context: Context, story: Story) -> None:
    """Raise HuskiesError `invalid_transition` if the merge had no conflict, or `unresolved` if it is still open."""
    stage = story.stage
    if isinstance(stage, MergeFailure) and stage.kind is not MergeFailureKind.CONFLICT_DETECTED:
        fact = f"has no conflict to resolve: its merge failed with {stage.kind.value}"
        hint = f"'huskies retry {story.id}' queues it again."
        raise StoryError(story.id, fact, hint=hint, code="invalid_transition")
    if is_allowed(ConflictResolved, stage):
        from huskies_core.git.branch_state import check_resolution
        from huskies_core.runs.story_worktrees import base_tip

        problem = check_resolution(context.repository, story.id, base_tip=base_tip(context))
        if problem:
            hint = f"Merge the base branch into the worktree ('huskies worktree path {story.id}') and commit."
            raise StoryError(story.id, f"is not resolved: {problem}", hint=hint, code="unresolved")


def refuse_unresolved_by_run(context: Context, story: StoryId) -> None:
    """Raise HuskiesError `unresolved` while the mergemaster that calls can still fix the problem.

    Git is read before the store is locked.
    """
    from huskies_core.runs.evidence import find_unresolved

    with context.store.reading() as db:
        run = own_run(context, db, story, RunKind.MERGEMASTER)
    assert run is not None
    problem = find_unresolved(context, run)
    if problem:
        hint = f"Fix that, commit it, and run 'huskies resolve {story}' again."
        raise StoryError(story, f"is not resolved: {problem}", hint=hint, code="unresolved")


def commit_on_base(context: Context, commit: str) -> str:
    """Return the id of a commit that git knows by any name.

    Raise HuskiesError `unknown_commit`, and `not_on_base` if the base branch does not contain it.
    """
    commit_id = context.repository.resolve_commit(commit)
    if commit_id is None:
        hint = "Name the commit with the story's work: its id, or another name that git knows."
        raise HuskiesError(f"there is no commit {commit}", hint=hint, code="unknown_commit", subject="commit")
    if not context.repository.is_on_branch(commit_id, context.base_branch):
        fact = f"{context.base_branch} does not contain {commit_id[:12]}"
        raise HuskiesError(fact, hint="Merge it there first.", code="not_on_base", subject="commit")
    return commit_id
