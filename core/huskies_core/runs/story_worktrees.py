"""Create and remove the worktrees of stories, and record their branches in the store."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.create import (
    BRANCH_EXISTS,
    CreatedWorktree,
    CreateResult,
    RefusedWorktree,
    WorktreeRequest,
    create_worktrees,
)
from huskies_core.git.locks import git_locked
from huskies_core.git.removal import Removed, remove_worktree
from huskies_core.git.worktrees import branch_of, checkout_of
from huskies_core.ids import StoryId
from huskies_core.merge_results import Landed
from huskies_core.sanitize import is_number
from huskies_core.store import branches, journal, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story


def make_worktrees(
    context: Context, story_ids: Sequence[StoryId], now: datetime
) -> dict[StoryId, CreateResult]:
    """Create the missing worktrees of stories, with a journal entry for each new branch.

    Record a branch before git creates it. After a crash between the two, the next call creates the branch.
    """
    tip = base_tip(context)
    with context.store.reading() as db:
        recorded = branches.all_stories(db)
    foreign = story_branches(context) - recorded
    own = [story for story in story_ids if story not in foreign]
    _record_branches(context, own, tip, now)
    requests = [WorktreeRequest(story, tip, known_branch=True) for story in own]
    results = create_worktrees(context.repository, requests, now=now)
    made = [result for result in results if isinstance(result, CreatedWorktree)]
    # A removal that had the git lock before may have deleted the record.
    _record_branches(context, [result.story for result in made], tip, now)
    new = [result for result in made if result.story not in recorded]
    if new:
        with context.store.exclusive() as db:
            for result in new:
                detail = {"branch": result.branch, "head": result.head}
                _journal(context, db, "worktree_made", result.story, detail, now)
    refused = [RefusedWorktree(story, BRANCH_EXISTS, "") for story in story_ids if story in foreign]
    return {result.story: result for result in (*refused, *results)}


def catch_up_with_base(context: Context, story: StoryId) -> bool:
    """Move a branch without commits of its own to the tip of the base, so that fixes there reach the story.

    Return False, with nothing changed, if the branch is up to date, has commits, or git refuses. If this process is
    killed after git moved the branch, the record has the old commit, and the next call does not move the branch.
    """
    with context.store.reading() as db:
        born = branches.base_commit(db, story)
    tip, checkout = base_tip(context), checkout_of(context.project, story)
    untouched = context.repository.branch_tip(branch_of(story)) == born
    if born is None or checkout is None or not untouched or tip == born:
        return False
    with git_locked(context.project):
        if context.repository.run("merge", "--ff-only", "--quiet", tip, at=checkout).status:
            return False
    with context.store.exclusive() as db:
        branches.move(db, story, tip)
    return True


def unmake_worktree(context: Context, story: Story, now: datetime) -> Removed:
    """Remove the worktree and the branch of a finished story. First keep work that exists nowhere else in a rescue ref.

    A branch that another worktree has checked out stays and belongs to the user from then on. Raise Overtaken if the
    story has moved or has a live run.
    """
    with context.store.reading() as db:
        landed = _landed_tip(db, story.id)
    check, tip = partial(_refuse_in_use, context, story), base_tip(context)
    removed = remove_worktree(
        context.repository, story.id, base_tip=tip, landed=landed, keep_branch=False, now=now, check=check
    )
    with context.store.exclusive() as db:
        # A start that waited for the git lock may have created the branch again.
        if removed.branch_kept or context.repository.branch_tip(branch_of(story.id)) is None:
            branches.forget(db, story.id)
        _journal(context, db, "worktree_removed", story.id, {"rescue": removed.rescue}, now)
    return removed


def _refuse_in_use(context: Context, story: Story) -> None:
    """Raise Overtaken if the story has moved or has a live run."""
    with context.store.reading() as db:
        has_moved = stories.load(db, story.id).visit != story.visit
        run = runs.live_of_story(db, story.id)
    if has_moved or run is not None:
        why = "the story has moved" if run is None else f"run {run.id} is live"
        fact = f"the worktree of story {story.id} was not removed: {why}"
        raise Overtaken(fact, code="stale", subject=str(story.id))


def base_tip(context: Context) -> str:
    """Return the commit at the tip of the base branch. Raise HuskiesError `no_base` if the branch does not exist."""
    tip = context.repository.branch_tip(context.base_branch)
    if tip is None:
        fact = f"the base branch {context.base_branch!r} does not exist"
        hint = "Create it, or choose another: huskies config set base_branch NAME."
        raise HuskiesError(fact, hint=hint, code="no_base")
    return tip


def _record_branches(context: Context, story_ids: Sequence[StoryId], tip: str, now: datetime) -> None:
    with context.store.reading() as db:
        missing = set(story_ids) - branches.all_stories(db)
    if missing:
        with context.store.exclusive() as db:
            for story in sorted(missing):
                branches.record(db, story, tip, now=now)


def story_branches(context: Context) -> frozenset[StoryId]:
    """Return the stories with a branch of their name, from Huskies or not. Run git once."""
    prefix = branch_of(StoryId(0)).removesuffix("0")
    pattern = f"refs/heads/{prefix}*"
    names = context.repository.git("for-each-ref", "--format=%(refname:lstrip=2)", pattern).splitlines()
    numbers = (name.removeprefix(prefix) for name in names)
    return frozenset(StoryId(int(number)) for number in numbers if is_number(number))


def _landed_tip(db: Connection, story: StoryId) -> str | None:
    """Return the tip of the branch at the time when its squash landed. Later commits are not on the base."""
    merges = [run.evidence.merge for run in runs.of_story(db, story)]
    landed = [merge.branch_tip for merge in merges if isinstance(merge, Landed)]
    return landed[-1] if landed else None


def _journal(
    context: Context, db: Connection, entry: str, story: StoryId, detail: dict[str, Any], now: datetime
) -> None:
    kind = journal.JournalKind.WORKTREE
    journal.append(db, kind, entry, actor=context.actor, now=now, story=story, detail=detail)
