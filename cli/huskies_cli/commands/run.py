"""`huskies run`: runs, and the end of one."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.options import RunId, story_id, whole_number
from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import session_of
from huskies_cli.status_icons import mark_now
from huskies_cli.tick_advice import tick_advice
from huskies_core.clock import utc_now
from huskies_core.context import open_context
from huskies_core.operations import runs
from huskies_core.operations.documents import run_document, run_now_document
from huskies_core.operations.page_documents import run_page_document
from huskies_core.operations.runs import RunNow, RunPage, troubles
from huskies_core.store.runs import Run
from huskies_core.supervisor.records import Exit, StepEnd

Live = Annotated[bool, typer.Option("--live", help="Only those that have not ended.")]
OfStory = Annotated[
    int | None,
    typer.Option(
        "--story", parser=story_id, metavar="ID", help="Only those of this story.", show_default=False
    ),
]
OptionalLimit = Annotated[
    int | None,
    typer.Option("--limit", parser=whole_number, metavar="N", help="At most so many; 0 is all, as in JSON."),
]
SHOWN = 50
"""How many rows a table has unless more are asked for: thousands would take seconds to lay out."""
COLUMNS = ("run", "story", "kind", "agent", "outcome", "age", "turns", "cost", "detail")


def list_runs(
    ctx: typer.Context, live: Live = False, story: OfStory = None, limit: OptionalLimit = None
) -> Result:
    """List runs, the latest first.

    Turns and cost of a live run are those of this moment. Without --limit a table shows the newest 50.
    """
    session = session_of(ctx)
    most = (0 if session.json else SHOWN + 1) if limit is None else limit
    with open_context(session.start) as context:
        found = runs.list_runs(context, live=live, story=story, limit=most)
    more = limit is None and not session.json and len(found) > SHOWN
    found = found[:SHOWN] if more else found
    data = {"runs": [run_now_document(now) for now in found]}
    now = utc_now()
    return Result.of_items(
        data,
        lambda: render.table(COLUMNS, [_row(one, now) for one in found]),
        map(ErrorItem.of, troubles(found)),
        done=len(found),
        talk=(f"These are the newest {SHOWN}; --limit 0 shows all.",) if more else (),
    )


def show_run(ctx: typer.Context, run: RunId) -> Result:
    """Show all that is known of a run.

    How it ended, each step with its exit code and time, what git said of the branch at the end, and where its files
    are.
    """
    with open_context(session_of(ctx).start) as context:
        page = runs.show_run(context, run)
    return Result(run_page_document(page), text=lambda: _text(page, utc_now()))


def kill_run(ctx: typer.Context, run: RunId) -> Result:
    """End one run, as if it had crashed.

    Its story stays where it is and is taken up again; 'huskies agent stop' freezes it as well.
    """
    with open_context(session_of(ctx).start) as context:
        ended = runs.kill_run(context, run)
        talk = tick_advice(context)
    return Result({"run": run_document(ended)}, text=f"run {ended.id}: {_ended(ended)}", talk=talk)


def _row(one: RunNow, now: datetime) -> tuple[render.Cell, ...]:
    run = one.run
    outcome = render.mark(mark_now(one), run.outcome or run.status)
    place = (run.id, run.story, run.kind, run.agent, outcome)
    return (*place, render.age(run.started_at, now), run.turns, render.cost(run.cost_usd), run.detail)


def _ended(run: Run) -> str:
    return f"{run.outcome or run.status}{f', {run.detail}' if run.detail else ''}"


def _text(page: RunPage, now: datetime) -> str:
    run = page.now.run
    head = f"run {run.id}: {run.kind} for story {run.story}{f' by {run.agent}' if run.agent else ''}"
    return render.paragraphs(
        render.heading(head),
        render.fields(_pairs(page, now)),
        _steps(page.exit),
        _evidence(run),
        _files(page),
    )


def _pairs(page: RunPage, now: datetime) -> Sequence[tuple[str, render.Cell]]:
    run = page.now.run
    return [
        ("status", _status(page.now)),
        ("outcome", None if run.outcome is None else render.mark(mark_now(page.now), run.outcome)),
        ("detail", run.detail),
        ("started", f"{run.started_at} ({render.age(run.started_at, now)} ago)"),
        ("ended", run.ended_at),
        ("runtime", run.runtime),
        ("model", run.model),
        ("turns", run.turns),
        ("cost", render.cost(run.cost_usd)),
        ("denied", ", ".join(f"{tool} {times}x" for tool, times in page.now.denied.items())),
        ("verdict", run.verdict),
        ("notes", run.notes),
        ("trouble", page.now.trouble),
    ]


def _status(now: RunNow) -> render.Cell:
    if not now.run.is_live:
        return now.run.status
    return render.mark(mark_now(now), f"{now.run.status}, dead" if now.dead else now.run.status)


def _steps(ended: Exit | None) -> str:
    rows = [
        (step.name, step.role, _step_end(step), f"{step.seconds:.1f} s")
        for step in (ended.steps if ended else ())
    ]
    return render.table(("step", "role", "ended", "time"), rows)


def _step_end(step: StepEnd) -> str:
    if step.detail:
        return step.detail
    return f"signal {step.signal}" if step.signal is not None else f"exit code {step.exit_code}"


def _evidence(run: Run) -> str:
    """Plain facts only: what is long or nested is in the JSON."""
    plain = [
        (name.replace("_", " "), fact)
        for name, fact in run.evidence.to_json().items()
        if isinstance(fact, str | int)
    ]
    shown = [(name, str(fact)) for name, fact in plain if name not in ("output", "fingerprint")]
    return f"{render.heading('At its end')}\n{render.block(render.fields(shown))}" if shown else ""


def _files(page: RunPage) -> str:
    if page.directory is None:
        return "its files are past their retention"
    return render.line("files:", render.link(Path(page.directory.path)))
