"""`huskies import`: stories from Markdown."""

from pathlib import Path
from typing import Annotated

import typer

from huskies_cli.output import ErrorItem, Result, Status
from huskies_cli.progress import shown
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.operations import import_stories as importer
from huskies_core.operations.import_stories import Imported
from huskies_core.operations.story_files import BadFiles

Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Files or folders.", show_default=False)]


def import_stories(ctx: typer.Context, paths: Paths) -> Result:
    """Read stories from Markdown.

    Files become new stories in the backlog. A folder with 1_backlog, 2_current, 3_qa, 4_merge, 5_done or 6_archived in
    it keeps number, type and stage. One bad file, and nothing is imported.
    """
    session = session_of(ctx)
    with open_context(session.start) as context, shown(session) as context.progress:
        try:
            imported = importer.import_stories(context, map(Path, paths))
        except BadFiles as refusal:
            return Result(
                {"stories": []}, status=Status.ERROR, errors=tuple(map(ErrorItem.of, refusal.problems))
            )
    return Result(
        {
            "stories": [
                {"id": item.story, "path": str(item.path), "stage": item.stage.name} for item in imported
            ]
        },
        text="\n".join(map(_line, imported)),
    )


def _line(item: Imported) -> str:
    return f"{item.story}: {item.stage.name} from {item.path}"
