"""`huskies logs`: the output of a run."""

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated

from huskies_cli.command import Outcome, own_command
from huskies_cli.output import Result, Stream
from huskies_cli.session import Session
from huskies_cli.views.runs import run_end
from huskies_core.argument import Argument, parse_run_id
from huskies_core.context import Context
from huskies_core.ids import RunId
from huskies_core.operations import output
from huskies_core.operations.common_arguments import StoryArgument
from huskies_core.operations.operation import RUNS, Command
from huskies_core.operations.output import Log
from huskies_core.operations.record_json import run_json
from huskies_core.store import runs

POLL_SECS = 0.2


@own_command(Command("logs", RUNS))
def show_logs(
    session: Session,
    story: StoryArgument,
    run: Annotated[
        RunId | None,
        Argument(
            "The run to show, instead of the latest.", metavar="R", parse=parse_run_id, completion="runs-of"
        ),
    ] = None,
    *,
    follow: Annotated[bool, Argument("Continue until the run ends.", flags=("--follow", "-f"))] = False,
    raw: Annotated[bool, Argument("Print the bytes unchanged.")] = False,
) -> Outcome:
    """Show the output of a run.

    The run is the story's live run, or its last one. Control characters are removed, and lines with usage are
    shortened, unless with --raw. With -f the output continues until this run ends; the story's next run has another
    log. With --json and -f each line is one object.
    """
    with session.open() as context:
        log = output.find_log(context, story, run)
    pieces = output.follow(log, partial(threading.Event().wait, POLL_SECS)) if follow else output.read(log)
    if session.json and not follow:
        return Result(_json(log, pieces, raw=raw))
    if raw and not session.json:
        return _raw(pieces)
    return Stream(_objects(session, log, pieces, raw=raw), lambda item: str(item["line"]))


def _json(log: Log, pieces: Iterable[bytes], *, raw: bool) -> dict[str, object]:
    """Return the whole output as one text; bytes that are not UTF-8 are replaced."""
    text = b"".join(pieces).decode(errors="replace") if raw else output.readable_text(pieces, log.run)
    return {"run": run_json(log.run), "output": text}


def _objects(
    session: Session, log: Log, pieces: Iterable[bytes], *, raw: bool
) -> Iterator[dict[str, object]]:
    """Yield an object for each line, then print on stderr how the run ended."""
    for line in output.lines_of(pieces):
        yield {
            "run": log.run.id,
            "line": line.decode(errors="replace") if raw else output.readable(line, log.run),
        }
    with session.open() as context:
        session.say(_end(context, log))


def _end(context: Context, log: Log) -> str:
    with context.store.reading() as db:
        run = runs.load(db, log.run.id)
    by = f" by {run.agent}" if run.agent else ""
    return f"run {run.id} ({run.kind}{by}): {run_end(run)}"


def _raw(pieces: Iterable[bytes]) -> Result:
    """Write the bytes without a buffer, so that nothing is left to write when the reader has gone away."""
    descriptor = sys.stdout.fileno()
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
    except BrokenPipeError:
        return Result()
    return Result()
