"""The work on a story's branch, asked of git before a transaction that depends on it."""

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.store.stories import Story


def commits_of(context: Context, story: int) -> tuple[str, int]:
    """The story's branch and how many commits of it would be merged; 0 when together they change nothing."""
    from huskies_core.agents.worktrees import base_tip
    from huskies_core.git.evidence import gather_evidence
    from huskies_core.git.worktrees import branch_of

    found = gather_evidence(context.repository, story, base_tip=base_tip(context))
    return branch_of(story), found.commits_ahead if found.has_diff else 0


def no_commits(story: Story, hint: str) -> HuskiesError:
    fact = f"story {story.id} has no commits on its branch, so there is nothing to merge"
    return HuskiesError(fact, hint=hint, code="no_commits", subject=str(story.id))
