"""Create and remove the worktrees of stories, and record their branches in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.create import CreatedWorktree, RefusedWorktree, WorktreeRequest, create_worktrees
from huskies_core.git.locks import git_locked
from huskies_core.git.removal import Removed, remove_worktree
from huskies_core.git.worktrees import branch_of, checkout_of
from huskies_core.ids import StoryId
from huskies_core.merge_results import Landed
from huskies_core.sanitize import is_number
from huskies_core.store import branches, journal, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story

BRANCH_EXISTS = "branch exists"


@dataclass(frozen=True)
class NotMade:
    """The reason why a story has no worktree. `adoptable` is False if a person must rename another branch first."""

    story: StoryId
    reason: str
    adoptable: bool


def make_worktrees(
    context: Context, story_ids: Sequence[StoryId], now: datetime
) -> dict[StoryId, NotMade | CreatedWorktree]:
    """Create the missing worktrees of stories, with a journal entry for each new branch.

    Record a branch before git creates it. After a crash between the two, the next call creates the branch.
    """
    repo = context.repository
    tip = base_tip(context)
    with context.store.reading() as db:
        recorded = branches.all_stories(db)
    foreign = story_branches(context) - recorded
    own = [story for story in story_ids if story not in foreign]
    _record_branches(context, own, tip, now)
    results = create_worktrees(
        repo, [WorktreeRequest(story, tip, known_branch=True) for story in own], now=now
    )
    made = [result for result in results if isinstance(result, CreatedWorktree)]
    # A removal that had the git lock before may have deleted the record.
    _record_branches(context, [result.story for result in made], tip, now)
    _journal_made(context, [result for result in made if result.story not in recorded], now)
    return {
        **{story: NotMade(story, BRANCH_EXISTS, adoptable=False) for story in story_ids if story in foreign},
        **{
            result.story: _not_made(result) if isinstance(result, RefusedWorktree) else result
            for result in results
        },
    }


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
    removed = remove_worktree(
        context.repository,
        story.id,
        base_tip=base_tip(context),
        landed=landed,
        keep_branch=False,
        now=now,
        check=partial(_refuse_in_use, context, story),
    )
    with context.store.exclusive() as db:
        # A start that waited for the git lock may have created the branch again.
        if removed.branch_kept or context.repository.branch_tip(branch_of(story.id)) is None:
            branches.forget(db, story.id)
        kind, detail = journal.JournalKind.WORKTREE, {"rescue": removed.rescue}
        journal.append(
            db, kind, "worktree_removed", actor=context.actor, now=now, story=story.id, detail=detail
        )
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
        raise HuskiesError(
            f"the base branch {context.base_branch!r} does not exist",
            hint="Create it, or choose another: huskies config set base_branch NAME.",
            code="no_base",
        )
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
    names = context.repository.git(
        "for-each-ref", "--format=%(refname:lstrip=2)", f"refs/heads/{prefix}*"
    ).splitlines()
    numbers = (name.removeprefix(prefix) for name in names)
    return frozenset(StoryId(int(number)) for number in numbers if is_number(number))


def _landed_tip(db: Connection, story: StoryId) -> str | None:
    """Return the tip of the branch at the time when its squash landed. Later commits are not on the base."""
    merges = [run.evidence.merge for run in runs.of_story(db, story)]
    landed = [merge.branch_tip for merge in merges if isinstance(merge, Landed)]
    return landed[-1] if landed else None


def _not_made(refused: RefusedWorktree) -> NotMade:
    return NotMade(refused.story, refused.detail or refused.reason, adoptable=refused.reason != BRANCH_EXISTS)


def _journal_made(context: Context, made: Sequence[CreatedWorktree], now: datetime) -> None:
    if not made:
        return
    kind, actor = journal.JournalKind.WORKTREE, context.actor
    with context.store.exclusive() as db:
        for result in made:
            detail = {"branch": result.branch, "head": result.head}
            journal.append(db, kind, "worktree_made", actor=actor, now=now, story=result.story, detail=detail)
