"""`huskies rescue`: work that would have gone with a worktree."""

from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.options import StoryId
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.operations import worktree_list
from huskies_core.operations.documents import rescue_document

Time = Annotated[
    str | None,
    typer.Option("--time", metavar="T", help="Which one; default: the newest.", show_default=False),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="BRANCH", help="The branch to make; default: rescued/story-ID.", show_default=False
    ),
]
COLUMNS = ("story", "time", "commit", "ref")


def list_rescues(ctx: typer.Context) -> Result:
    """List the work that was rescued.

    The newest first: uncommitted files and commits that were kept when a worktree or a branch was removed.
    """
    with open_context(session_of(ctx).start) as context:
        found = worktree_list.rescues(context)
    rows = [(item.story, item.time, item.commit[:12], item.ref) for item in found]
    return Result(
        {"rescues": [rescue_document(item) for item in found]}, text=lambda: render.table(COLUMNS, rows)
    )


def restore_rescue(ctx: typer.Context, story: StoryId, time: Time = None, to: To = None) -> Result:
    """Bring rescued work back as a branch.

    Nothing is checked out, and the rescue stays.
    """
    with open_context(session_of(ctx).start) as context:
        found, branch = worktree_list.restore(context, story, time=time, branch=to)
    return Result({**rescue_document(found), "branch": branch}, text=f"{branch} is at {found.commit[:12]}")
