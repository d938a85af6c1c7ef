"""`huskies history`: what happened, in order."""

import threading
from collections.abc import Iterator
from typing import Annotated

import typer

from huskies_cli.journal_lines import entry_line
from huskies_cli.options import OptionalStoryId, whole_number
from huskies_cli.output import Result, Stream
from huskies_cli.session import Session, session_of
from huskies_core.context import open_context
from huskies_core.operations import history
from huskies_core.operations.documents import Document, entry_document
from huskies_core.operations.history import Selection

POLL_SECS = 0.2

Everything = Annotated[bool, typer.Option("--all", help="Every row: edits, runs, worktrees too.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens next.")]
After = Annotated[
    int, typer.Option("--after", parser=whole_number, metavar="SEQ", help="Only rows behind this position.")
]


def show_history(
    ctx: typer.Context,
    story: OptionalStoryId = None,
    everything: Everything = False,
    follow: Follow = False,
    after: After = 0,
) -> Result | Stream:
    """Show what happened, in order.

    One line for each transition: when, which story, from where to where, the event, who, and why. With --json and
    --follow each is one object on its own line.
    """
    session = session_of(ctx)
    wanted = Selection(story, after, everything)
    if follow:
        return Stream(_follow(session, wanted), entry_line)
    with open_context(session.start) as context:
        rows = [entry_document(entry) for entry in history.read(context, wanted)]
    return Result({"transitions": rows}, text=lambda: "\n".join(map(entry_line, rows)))


def _follow(session: Session, wanted: Selection) -> Iterator[Document]:
    never = threading.Event()
    with open_context(session.start) as context:
        for entry in history.follow(context, wanted, lambda: never.wait(POLL_SECS)):
            yield entry_document(entry)
