"""The worktrees of stories, and the work that was rescued from removed ones."""

from pathlib import Path
from typing import Annotated

from msgspec import Struct
from msgspec.structs import asdict

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.errors import StoryError
from huskies_core.git.rescue import Rescue, restore_rescue
from huskies_core.git.rescue import list_rescues as rescues_of
from huskies_core.git.worktrees import branch_of, is_made, made_worktrees
from huskies_core.ids import StoryId
from huskies_core.operations.common_arguments import StoryArgument, story_argument
from huskies_core.operations.operation import Command, operation
from huskies_core.pipeline.stages import Stage, StageName
from huskies_core.store import stories


class Worktree(Struct, frozen=True):
    story: StoryId
    stage: StageName
    branch: str
    path: Path


class Restored(Struct, frozen=True):
    """A rescue, and the branch that was created from it."""

    rescue: Rescue
    branch: str


@operation(
    "list_worktrees",
    Command("worktree list"),
    json=lambda worktrees: {"worktrees": [{**asdict(item), "path": str(item.path)} for item in worktrees]},
)
def list_worktrees(context: Context) -> tuple[Worktree, ...]:
    """List the worktrees by story.

    Each row contains the story, its stage, its branch and the path of its worktree.
    """
    made = made_worktrees(context.project)
    with context.store.reading() as db:
        stages = stories.stages_of(db, made)
    return tuple(_worktree(context, story, stages[story]) for story in sorted(stages))


@operation(
    command=Command("worktree path", note='For the shell: cd "$(huskies worktree path 12)".'),
    json=lambda worktree: {"story": worktree.story, "path": str(worktree.path)},
)
def worktree_path(context: Context, story: StoryArgument) -> Worktree:
    """Print the path of a story's worktree."""
    with context.store.reading() as db:
        current = stories.load(db, story)
    if not is_made(context.project, current.id):
        hint = "A story in coding has a worktree; 'huskies rescue list' shows the work of removed ones."
        raise StoryError(story, "has no worktree", hint=hint, code="not_found")
    return _worktree(context, current.id, current.stage)


@operation(
    "list_rescues", Command("rescue list"), json=lambda rescues: {"rescues": list(map(asdict, rescues))}
)
def list_rescues(context: Context) -> tuple[Rescue, ...]:
    """List rescued work, the newest first.

    A rescue keeps the uncommitted files and the commits that would have been lost when a worktree or a branch was
    removed.
    """
    return rescues_of(context.repository)


@operation(
    "restore_rescue",
    Command("rescue restore"),
    json=lambda restored: {**asdict(restored.rescue), "branch": restored.branch},
    writes=True,
)
def restore(
    context: Context,
    story: Annotated[StoryId, story_argument("rescues")],
    *,
    time: Annotated[
        str | None,
        Argument("The time of the rescue; by default the newest.", metavar="TIME", completion="rescue-times"),
    ] = None,
    branch: Annotated[
        str | None,
        Argument("The branch to create; by default rescued/story-ID.", flags=("--to",), metavar="BRANCH"),
    ] = None,
) -> Restored:
    """Restore rescued work as a branch.

    The command checks nothing out and keeps the rescue.
    """
    name = branch or f"rescued/story-{story}"
    return Restored(restore_rescue(context.repository, story, time=time, to_branch=name), name)


def _worktree(context: Context, story: StoryId, stage: Stage) -> Worktree:
    return Worktree(story, stage.name, branch_of(story), context.project.worktree(story))
