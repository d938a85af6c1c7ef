"""`huskies run list`: the table of runs, by default of the newest ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from huskies_cli import render
from huskies_cli.command import own_command
from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import Session
from huskies_cli.status_icons import mark_now
from huskies_core.argument import Argument, parse_count, parse_story_id
from huskies_core.clock import utc_now
from huskies_core.ids import StoryId
from huskies_core.operations.operation import Command
from huskies_core.operations.runs import RunNow, list_runs, run_errors, runs_json

SHOWN = 50
"""The default number of rows of the table; laying out thousands takes seconds."""
COLUMNS = ("run", "story", "kind", "agent", "outcome", "age", "turns", "cost", "detail")


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

    Turns and cost of a live run are those of this moment. Without --limit the table has the newest 50.
    """
    most = (0 if session.json else SHOWN + 1) if limit is None else limit
    with session.open() as context:
        runs = list_runs(context, story, live=live, limit=most)
    has_more = limit is None and not session.json and len(runs) > SHOWN
    runs = runs[:SHOWN] if has_more else runs
    now = utc_now()
    talk = (f"These are the newest {SHOWN}; --limit 0 shows all.",) if has_more else ()
    errors = tuple(map(ErrorItem.of, run_errors(runs)))
    return Result(runs_json(runs), lambda: _table(runs, now), errors, talk, done=len(runs))


def _table(runs: Sequence[RunNow], now: datetime) -> str:
    return render.table(COLUMNS, [_row(item, now) for item in runs])


def _row(now: RunNow, at: datetime) -> tuple[render.Cell, ...]:
    run = now.run
    outcome = render.mark(mark_now(now), run.outcome or run.status)
    age, cost = render.age(run.started_at, at), render.cost(run.cost_usd)
    return (run.id, run.story, run.kind, run.agent, outcome, age, run.turns, cost, run.detail)
