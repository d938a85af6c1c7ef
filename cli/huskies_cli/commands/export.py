"""`huskies export`: stories as Markdown."""

import sys
from pathlib import Path
from typing import Annotated

from huskies_cli.command import own_command
from huskies_cli.output import Result
from huskies_cli.session import Session
from huskies_core.argument import Argument, parse_story_id
from huskies_core.errors import UsageError
from huskies_core.ids import StoryId
from huskies_core.operations.export import export, exported_json, write_exported
from huskies_core.operations.operation import STORIES, Command
from huskies_core.sanitize import without_controls


@own_command(Command("export", STORIES))
def export_stories(
    session: Session,
    stories: Annotated[
        tuple[StoryId, ...],
        Argument(
            "The stories' ids.",
            metavar="[ID...]",
            positional=True,
            parse=parse_story_id,
            completion="stories",
        ),
    ] = (),
    folder: Annotated[
        str | None,
        Argument(
            "Write a file for each story into this folder.",
            flags=("--dir",),
            metavar="D",
            completion="folder",
        ),
    ] = None,
) -> Result:
    """Write stories as Markdown.

    Without ids, all stories that have not finished are written. With --dir it writes a file for each story, in
    the form that 'huskies import' reads; without it, it writes one story to stdout.
    """
    with session.open() as context:
        exported = export(context, stories)
    if len(exported) > 1 and folder is None and not session.json:
        fact = f"{len(exported)} stories do not fit into one text"
        raise UsageError(fact, hint="Write a file for each story: --dir D.")
    if folder is not None:
        exported = write_exported(exported, Path(folder))
    text = "\n".join(item.markdown if item.path is None else str(item.path) for item in exported)
    return Result({"stories": [exported_json(item) for item in exported]}, text=lambda: _shown(text))


def _shown(text: str) -> str:
    """Return the text for stdout: for a terminal without control characters, else every character."""
    return without_controls(text) if sys.stdout.isatty() else text
