"""The work on a story's branch, asked of git before a transaction that depends on it."""

from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.store.stories import Story


@dataclass(frozen=True)
class Work:
    """`commits` is how many of the branch would be merged, 0 when together they change nothing; `ahead` counts those.

    `base` is the commit where the branch left the base, its tip when they share none. `is_dirty`: the worktree holds
    what is not committed.
    """

    branch: str
    commits: int
    ahead: int
    base: str
    is_dirty: bool


def work_of(context: Context, story: int) -> Work:
    from huskies_core.git.branch_state import read_branch_state
    from huskies_core.git.worktrees import branch_of
    from huskies_core.runs.story_worktrees import base_tip

    tip = base_tip(context)
    found = read_branch_state(context.repository, story, base_tip=tip)
    commits = found.commits_ahead if found.has_diff else 0
    return Work(branch_of(story), commits, found.commits_ahead, found.base or tip, found.dirty)


def no_commits(story: Story, work: Work, hint: str) -> HuskiesError:
    fact = f"story {story.id} has no commits on its branch, so there is nothing to merge"
    if work.ahead:
        plural = "s" if work.ahead > 1 else ""
        told = f"has {work.ahead} commit{plural} on its branch that change nothing on the base branch"
        fact = f"story {story.id} {told}, so there is nothing to merge"
    return HuskiesError(fact, hint=hint, code="no_commits", subject=str(story.id))
