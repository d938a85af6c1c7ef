"""`huskies import`: stories from Markdown."""

from pathlib import Path
from typing import Annotated

from huskies_cli.command import own_command
from huskies_cli.output import ErrorItem, Result
from huskies_cli.progress import shown
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.operations.import_stories import BadFiles, import_files, imported_json
from huskies_core.operations.operation import STORIES, Command


@own_command(Command("import", STORIES))
def import_stories(
    session: Session,
    paths: Annotated[
        tuple[str, ...], Argument("Files or folders.", metavar="PATH...", positional=True, completion="file")
    ],
) -> Result:
    """Read stories from Markdown.

    Files become new stories in the backlog. In a folder that contains 1_backlog, 2_current, 3_qa, 4_merge, 5_done or
    6_archived, stories keep number, type and stage. If one file is invalid, nothing is imported.
    """
    with session.open() as context, shown(session) as context.progress:
        try:
            imported = import_files(context, map(Path, paths))
        except BadFiles as error:
            errors = tuple(map(ErrorItem.of, error.problems))
            return Result({"stories": []}, errors=errors)
    text = "\n".join(f"{item.story}: {item.stage.name} from {item.path}" for item in imported)
    return Result({"stories": [imported_json(item) for item in imported]}, text=text)
