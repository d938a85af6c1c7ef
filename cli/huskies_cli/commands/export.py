"""`huskies export`: stories as Markdown."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from huskies_cli.options import OptionalStoryIds
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.errors import UsageError
from huskies_core.operations.documents import Document
from huskies_core.operations.export import Exported, export, write_exported
from huskies_core.sanitize import without_controls

Directory = Annotated[
    str | None,
    typer.Option("--dir", metavar="D", help="Write one file for each into this folder.", show_default=False),
]


def export_stories(ctx: typer.Context, stories: OptionalStoryIds = None, folder: Directory = None) -> Result:
    """Write stories as Markdown.

    Those that are named, else all that are not finished: as files that 'huskies import' reads with --dir; one alone
    goes to stdout without it.
    """
    session = session_of(ctx)
    with open_context(session.start) as context:
        exported = export(context, stories or ())
    if len(exported) > 1 and folder is None and not session.json:
        fact = f"{len(exported)} stories do not fit into one text"
        raise UsageError(fact, hint="Write each into a file of its own: --dir D.")
    if folder is not None:
        exported = write_exported(exported, Path(folder))
    text = "\n".join(item.markdown if item.path is None else str(item.path) for item in exported)
    return Result({"stories": [_document(item) for item in exported]}, text=lambda: _shown(text))


def _document(item: Exported) -> Document:
    path = None if item.path is None else str(item.path)
    return {"id": item.story, "name": item.name, "path": path, "markdown": item.markdown}


def _shown(text: str) -> str:
    """A file or a program gets every character, a terminal no control characters."""
    return without_controls(text) if sys.stdout.isatty() else text
