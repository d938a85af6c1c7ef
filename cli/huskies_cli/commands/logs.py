"""`huskies logs`: what a run printed, readable or as it is."""

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated

import typer

from huskies_cli.options import StoryId, run_id
from huskies_cli.output import Result, Stream
from huskies_cli.session import Session, session_of
from huskies_core.context import Context, open_context
from huskies_core.operations import output
from huskies_core.operations.documents import Document, run_document
from huskies_core.operations.output import Log
from huskies_core.store import runs

POLL_SECS = 0.2

OfRun = Annotated[
    int | None,
    typer.Option("--run", parser=run_id, metavar="R", help="This run, not the latest.", show_default=False),
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")]
Raw = Annotated[bool, typer.Option("--raw", help="The bytes as they were printed.")]


def show_logs(
    ctx: typer.Context, story: StoryId, run: OfRun = None, follow: Follow = False, raw: Raw = False
) -> Result | Stream:
    """Show what a run printed.

    That of the story's live run, or of its last one. Control characters are taken out, and lines that tell of usage are
    made short, unless with --raw. With -f it goes on until this run ends; the story's next run is another log. With
    --json and -f each line is one object.
    """
    session = session_of(ctx)
    with open_context(session.start) as context:
        log = output.find_log(context, story, run)
    pieces = output.follow(log, partial(threading.Event().wait, POLL_SECS)) if follow else output.read(log)
    if session.json and not follow:
        return Result(_document(log, pieces, raw=raw))
    if raw and not session.json:
        return _raw(pieces)
    return Stream(_objects(session, log, pieces, raw=raw), lambda item: str(item["line"]))


def _document(log: Log, pieces: Iterable[bytes], *, raw: bool) -> Document:
    """The whole output as one text; what is no UTF-8 is replaced, JSON knows no bytes."""
    text = b"".join(pieces).decode(errors="replace") if raw else output.readable_text(pieces, log.run)
    return {"run": run_document(log.run), "output": text}


def _objects(session: Session, log: Log, pieces: Iterable[bytes], *, raw: bool) -> Iterator[Document]:
    """A line each; behind the last, how the run ended is said where it does not get into the data."""
    for line in output.lines_of(pieces):
        yield {
            "run": log.run.id,
            "line": line.decode(errors="replace") if raw else output.readable(line, log.run),
        }
    with open_context(session.start) as context:
        session.say(_state(context, log))


def _state(context: Context, log: Log) -> str:
    with context.store.reading() as db:
        run = runs.load(db, log.run.id)
    by = f" by {run.agent}" if run.agent else ""
    return (
        f"run {run.id} ({run.kind}{by}): {run.outcome or run.status}{f', {run.detail}' if run.detail else ''}"
    )


def _raw(pieces: Iterable[bytes]) -> Result:
    """Past every buffer, so that a reader that goes away leaves nothing to be written at the end."""
    descriptor = sys.stdout.fileno()
    try:
        for piece in pieces:
            left = memoryview(piece)
            while left:
                left = left[os.write(descriptor, left) :]
    except BrokenPipeError:
        return Result()
    return Result()
