"""`huskies export`: stories as Markdown."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from huskies_cli.documents import Document
from huskies_cli.options import OptionalStoryIds
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.text import without_controls
from huskies_core.tools.exporting import Exported, export, write_exported

Directory = Annotated[
    str | None,
    typer.Option("--dir", metavar="D", help="Write one file for each into this folder.", show_default=False),
]


def export_stories(ctx: typer.Context, stories: OptionalStoryIds = None, folder: Directory = None) -> Result:
    """Write stories as Markdown.

    Those that are named, else all that are not finished; to stdout, or with --dir to files that 'huskies import' reads.
    """
    with open_context(session_of(ctx).start) as context:
        exported = export(context, stories or ())
    if folder is not None:
        exported = write_exported(exported, Path(folder))
    text = _markdown(exported) if folder is None else "\n".join(str(item.path) for item in exported)
    return Result({"stories": [_document(item) for item in exported]}, text=lambda: _shown(text))


def _document(item: Exported) -> Document:
    path = None if item.path is None else str(item.path)
    return {"id": item.story, "name": item.name, "path": path, "markdown": item.markdown}


def _markdown(exported: tuple[Exported, ...]) -> str:
    return "\n".join(item.markdown for item in exported)


def _shown(text: str) -> str:
    """A file or a program gets every character, a terminal no control characters."""
    return without_controls(text) if sys.stdout.isatty() else text
