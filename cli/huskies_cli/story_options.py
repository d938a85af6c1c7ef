"""The fields of a story as options, and the texts that come from files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from huskies_cli.options import story_id
from huskies_core.errors import HuskiesError
from huskies_core.qa_mode import QaMode
from huskies_core.store.stories import StoryType

Body = Annotated[
    str | None,
    typer.Option(
        "--body", metavar="FILE", help="The description: a file, or - for stdin.", show_default=False
    ),
]
DependsOn = Annotated[
    list[int] | None,
    typer.Option(
        "--depends-on", parser=story_id, metavar="ID", help="A story that comes first.", show_default=False
    ),
]
Agent = Annotated[
    str | None,
    typer.Option("--agent", metavar="A", help="An agent's name, or a word of its model.", show_default=False),
]
Qa = Annotated[
    QaMode | None,
    typer.Option("--qa", metavar="M", help="Who judges it: server, agent or human.", show_default=False),
]
Label = Annotated[list[str] | None, typer.Option("--label", metavar="L", help="A label.", show_default=False)]
Epic = Annotated[
    int | None,
    typer.Option("--epic", parser=story_id, metavar="ID", help="The epic it belongs to.", show_default=False),
]
KINDS = "story, bug, spike, refactor, epic or task"
Type = Annotated[StoryType, typer.Option("--type", metavar="T", help=f"One of {KINDS}.")]
Priority = Annotated[int, typer.Option("--priority", metavar="N", help="Higher comes first.")]


def read_body(name: str | None) -> str | None:
    """The text of that file, or of stdin for `-`, as it is. Raises HuskiesError when it cannot be had."""
    if name is None:
        return None
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise HuskiesError(f"there is no file {name}", code="not_found", subject="body") from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise HuskiesError(f"{name} is not text in UTF-8", code="invalid_text", subject="body") from error
