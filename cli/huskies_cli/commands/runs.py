"""`huskies run list`, by default of the newest runs, and `huskies logs`, the output of a run."""

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated

from huskies_cli import render
from huskies_cli.command import Outcome, own_command
from huskies_cli.output import ErrorItem, Result, Stream
from huskies_cli.session import Session
from huskies_cli.status_icons import mark_now
from huskies_core.argument import Argument, parse_count, parse_run_id, parse_story_id
from huskies_core.clock import utc_now
from huskies_core.ids import RunId, StoryId
from huskies_core.operations import output
from huskies_core.operations.common_arguments import StoryArgument
from huskies_core.operations.operation import RUNS, Command
from huskies_core.operations.output import Log
from huskies_core.operations.record_json import run_json
from huskies_core.operations.runs import RunNow, list_runs, run_errors, runs_json
from huskies_core.store import runs

SHOWN = 50
"""The default number of rows of the table; laying out thousands takes seconds."""
COLUMNS = ("run", "story", "kind", "agent", "outcome", "age", "turns", "cost", "detail")
POLL_SECS = 0.2


@own_command(Command("run list"))
def show_runs(
    session: Session,
    *,
    live: Annotated[bool, Argument("Only runs that have not ended.")] = False,
    story: Annotated[
        StoryId | None,
        Argument("Only runs of this story.", metavar="ID", parse=parse_story_id, completion="stories"),
    ] = None,
    limit: Annotated[
        int | None,
        Argument(
            "The number of runs to list; 0 lists all. Default: 50, with --json all.",
            metavar="N",
            parse=parse_count,
        ),
    ] = None,
) -> Result:
    """List runs, the latest first.

    A live run is shown with its turns and cost so far. Without --limit, the table contains the newest 50 runs.
    """
    most = (0 if session.json else SHOWN + 1) if limit is None else limit
    with session.open() as context:
        listed = list_runs(context, story, live=live, limit=most)
    has_more = limit is None and not session.json and len(listed) > SHOWN
    listed = listed[:SHOWN] if has_more else listed
    now = utc_now()
    messages = (f"These are the newest {SHOWN}; --limit 0 shows all.",) if has_more else ()
    errors = tuple(map(ErrorItem.of, run_errors(listed)))
    return Result(runs_json(listed), lambda: _table(listed, now), errors, messages, done=len(listed))


def _table(listed: Sequence[RunNow], now: datetime) -> str:
    return render.table(COLUMNS, [_row(item, now) for item in listed])


def _row(now: RunNow, at: datetime) -> tuple[render.Cell, ...]:
    run = now.run
    outcome = render.mark(mark_now(now), run.outcome or run.status)
    age, cost = render.age(run.started_at, at), render.cost(run.cost_usd)
    return (run.id, run.story, run.kind, run.agent, outcome, age, run.turns, cost, run.detail)


@own_command(Command("logs", RUNS))
def show_logs(
    session: Session,
    story: StoryArgument,
    run: Annotated[
        RunId | None,
        Argument(
            "The run to show, instead of the latest.", metavar="RUN", parse=parse_run_id, completion="runs-of"
        ),
    ] = None,
    *,
    follow: Annotated[bool, Argument("Continue until the run ends.", flags=("--follow", "-f"))] = False,
    raw: Annotated[bool, Argument("Print the bytes unchanged.")] = False,
) -> Outcome:
    """Show the output of a run.

    This is the live run of the story, or its last run. Control characters are removed, and lines that report usage are
    shortened, unless --raw is given. With -f, the output continues until this run ends; the next run of the story has
    another log. With --json and -f, each line is a JSON object.
    """
    with session.open() as context:
        log = output.find_log(context, story, run)
    pieces = output.follow(log, partial(threading.Event().wait, POLL_SECS)) if follow else output.read(log)
    if session.json and not follow:
        # With --raw, bytes that are not UTF-8 are replaced.
        text = b"".join(pieces).decode(errors="replace") if raw else output.readable_text(pieces, log.run)
        return Result({"run": run_json(log.run), "output": text})
    if raw and not session.json:
        return _raw(pieces)
    return Stream(_objects(session, log, pieces, raw=raw), lambda item: str(item["line"]))


def _objects(
    session: Session, log: Log, pieces: Iterable[bytes], *, raw: bool
) -> Iterator[dict[str, object]]:
    """Yield an object for each line, then print on stderr how the run ended."""
    from huskies_cli.views.runs import run_end

    for line in output.lines_of(pieces):
        text = line.decode(errors="replace") if raw else output.readable(line, log.run)
        yield {"run": log.run.id, "line": text}
    with session.open() as context, context.store.reading() as db:
        run = runs.load(db, log.run.id)
    by = f" by {run.agent}" if run.agent else ""
    session.say(f"run {run.id} ({run.kind}{by}): {run_end(run)}")


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
