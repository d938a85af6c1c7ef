"""Where the work of stories lies: their worktrees, and what was rescued of those that are gone."""

from dataclasses import dataclass
from pathlib import Path

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.git.rescue import Rescue, list_rescues, restore_rescue
from huskies_core.git.worktrees import branch_of, is_made, made_worktrees
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.store import stories


@dataclass(frozen=True)
class Worktree:
    story: int
    path: Path
    branch: str
    stage: StageName


def list_worktrees(context: Context) -> tuple[Worktree, ...]:
    """The worktrees that are there, by story."""
    project, made = context.project, made_worktrees(context.project)
    with context.store.reading() as db:
        stages = stories.stages_of(db, made)
    return tuple(
        Worktree(story, project.worktree(story), branch_of(story), stages[story].name)
        for story in sorted(stages)
    )


def worktree_of(context: Context, story: int) -> Path:
    """Raises HuskiesError `not_found` when the story has none now."""
    with context.store.reading() as db:
        stories.load(db, story)
    if not is_made(context.project, story):
        hint = (
            "One is made when the story is coded, and removed when it is finished: see 'huskies rescue list'."
        )
        raise HuskiesError(f"story {story} has no worktree", hint=hint, code="not_found", subject=str(story))
    return context.project.worktree(story)


def rescues(context: Context) -> tuple[Rescue, ...]:
    """Newest first."""
    return list_rescues(context.repository)


def restore(context: Context, story: int, *, time: str | None, branch: str | None) -> tuple[Rescue, str]:
    """Makes a branch of rescued work, by default `rescued/story-<id>`; the rescue stays."""
    refuse_inside_run(context)
    wanted = branch or f"rescued/story-{story}"
    return restore_rescue(context.repository, story, time=time, to_branch=wanted), wanted
