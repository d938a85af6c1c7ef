"""Stories' worktrees, with what the store knows of them: who made the branch, and what was told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.create import Made, Refused, Wanted, create_worktrees
from huskies_core.git.locks import git_locked
from huskies_core.git.removal import Removed, remove_worktree
from huskies_core.git.worktrees import branch_of, checkout_of
from huskies_core.merge_results import Landed
from huskies_core.sanitize import is_number
from huskies_core.store import branches, journal, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story

BRANCH_EXISTS = "branch exists"


@dataclass(frozen=True)
class NotMade:
    """`adoptable` is False where somebody else's branch has the name: only a person can help there."""

    story: int
    reason: str
    adoptable: bool


def make_worktrees(context: Context, wanted: Sequence[int], now: datetime) -> dict[int, NotMade | Made]:
    """Makes the worktrees of stories that lack one, and tells of each in the journal.

    A branch is recorded before git makes it: a crash between leaves a record whose branch the next call makes.
    """
    repo = context.repository
    tip = base_tip(context)
    with context.store.reading() as db:
        known = branches.all_stories(db)
    foreign = story_branches(context) - known
    ours = [story for story in wanted if story not in foreign]
    _record(context, ours, tip, now)
    asked = [Wanted(story, tip, known_branch=True) for story in ours]
    made = create_worktrees(repo, asked, now=now)
    # A removal that the making waited for has forgotten the branch of before.
    _record(context, [one.story for one in made if isinstance(one, Made)], tip, now)
    _tell_made(context, [one for one in made if isinstance(one, Made) and one.story not in known], now)
    refused = {story: NotMade(story, BRANCH_EXISTS, adoptable=False) for story in wanted if story not in ours}
    return refused | {one.story: _not_made(one) if isinstance(one, Refused) else one for one in made}


def catch_up_with_base(context: Context, story: int) -> bool:
    """Moves a worktree without commits of its own to the tip of the base, so that what was mended there reaches it.

    False, and nothing changed, where there is nothing to do or something in the way. Killed after git moved the
    branch, it leaves the old commit in the record, which only keeps the next call from moving it again.
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
    """Removes the worktree and the branch of a story that is over; what is nowhere else is rescued first.

    A branch that is checked out elsewhere stays: it is the user's from then on. Raises Overtaken when the
    story has moved on meanwhile, or a run of it has begun.
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
        # A start that waited for us may have made the branch anew.
        if removed.branch_kept or context.repository.branch_tip(branch_of(story.id)) is None:
            branches.forget(db, story.id)
        _tell_removed(db, context, removed, now)
    return removed


def _refuse_in_use(context: Context, story: Story) -> None:
    """Raises when the worktree that was to go is one that is worked in."""
    with context.store.reading() as db:
        moved = stories.load(db, story.id).visit != story.visit
        run = runs.live_of_story(db, story.id)
    if moved or run is not None:
        why = "the story has moved on" if run is None else f"run {run.id} is live"
        fact = f"the worktree of story {story.id} stays: {why}"
        raise Overtaken(fact, code="stale", subject=str(story.id))


def base_tip(context: Context) -> str:
    """The commit at the tip of the base branch. Raises HuskiesError `no_base` when there is no such branch."""
    tip = context.repository.branch_tip(context.base_branch)
    if tip is None:
        raise HuskiesError(
            f"there is no base branch {context.base_branch!r}",
            hint="Make it, or name another: huskies config set base_branch NAME.",
            code="no_base",
        )
    return tip


def _record(context: Context, wanted: Sequence[int], tip: str, now: datetime) -> None:
    with context.store.reading() as db:
        missing = set(wanted) - branches.all_stories(db)
    if missing:
        with context.store.exclusive() as db:
            for story in sorted(missing):
                branches.record(db, story, tip, now=now)


def story_branches(context: Context) -> frozenset[int]:
    """The stories that a branch is named after, whoever made it; in one question to git."""
    prefix = branch_of(0).removesuffix("0")
    names = context.repository.git(
        "for-each-ref", "--format=%(refname:lstrip=2)", f"refs/heads/{prefix}*"
    ).splitlines()
    numbers = (name.removeprefix(prefix) for name in names)
    return frozenset(int(number) for number in numbers if is_number(number))


def _landed_tip(db: Connection, story: int) -> str | None:
    """The tip of the branch whose squash landed; what came onto the branch after it is not on the base."""
    merges = [run.evidence.merge for run in runs.of_story(db, story)]
    landed = [merge.branch_tip for merge in merges if isinstance(merge, Landed)]
    return landed[-1] if landed else None


def _not_made(refused: Refused) -> NotMade:
    return NotMade(refused.story, refused.detail or refused.reason, adoptable=refused.reason != BRANCH_EXISTS)


def _tell_made(context: Context, made: Sequence[Made], now: datetime) -> None:
    if not made:
        return
    with context.store.exclusive() as db:
        for one in made:
            journal.append(
                db,
                journal.Kind.WORKTREE,
                "worktree_made",
                actor=context.actor,
                now=now,
                story=one.story,
                detail={"branch": one.branch, "head": one.head},
            )


def _tell_removed(db: Connection, context: Context, removed: Removed, now: datetime) -> None:
    journal.append(
        db,
        journal.Kind.WORKTREE,
        "worktree_removed",
        actor=context.actor,
        now=now,
        story=removed.story,
        detail={"rescue": removed.rescue},
    )
