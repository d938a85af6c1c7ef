"""The commits on a story's branch, read from git before a transaction that depends on them."""

from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.humanize import format_count
from huskies_core.ids import StoryId
from huskies_core.store.stories import Story


@dataclass(frozen=True)
class Work:
    """The state of a branch: `ahead` counts its own commits, `commits` too, but is 0 if together they change nothing.

    `base` is the merge base, or the base branch's tip without one. `is_dirty` is set if the worktree has
    uncommitted changes.
    """

    branch: str
    commits: int
    ahead: int
    base: str
    is_dirty: bool


def work_of(context: Context, story: StoryId) -> Work:
    from huskies_core.git.branch_state import read_branch_state
    from huskies_core.git.worktrees import branch_of
    from huskies_core.runs.story_worktrees import base_tip

    tip = base_tip(context)
    state = read_branch_state(context.repository, story, base_tip=tip)
    commits = state.commits_ahead if state.has_diff else 0
    return Work(branch_of(story), commits, state.commits_ahead, state.base or tip, state.dirty)


def no_commits(story: Story, work: Work, hint: str) -> HuskiesError:
    fact = "has no commits on its branch"
    if work.ahead:
        fact = (
            f"has {format_count(work.ahead, 'commit')} on its branch that change nothing on the base branch"
        )
    fact = f"story {story.id} {fact}, so there is nothing to merge"
    return HuskiesError(fact, hint=hint, code="no_commits", subject=str(story.id))
