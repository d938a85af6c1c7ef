"""`huskies worktree`: where the work of stories lies."""

import typer

from huskies_cli import render
from huskies_cli.options import StoryId
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.operations import worktree_list
from huskies_core.operations.documents import worktree_document


def list_worktrees(ctx: typer.Context) -> Result:
    """List the worktrees.

    Each with its story, the stage that is in, and its branch.
    """
    with open_context(session_of(ctx).start) as context:
        found = worktree_list.list_worktrees(context)
    rows = [(item.story, item.stage, item.branch, render.link(item.path)) for item in found]
    names = ("story", "stage", "branch", "path")
    return Result(
        {"worktrees": [worktree_document(item) for item in found]},
        text=lambda: render.table(names, rows),
    )


def worktree_path(ctx: typer.Context, story: StoryId) -> Result:
    """Print the path of a story's worktree.

    For the shell: cd "$(huskies worktree path 12)".
    """
    with open_context(session_of(ctx).start) as context:
        path = str(worktree_list.worktree_of(context, story))
    return Result({"story": story, "path": path}, text=path)
