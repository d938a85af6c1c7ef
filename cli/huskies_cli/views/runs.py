"""The page and the end of a run as text."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from huskies_cli import render
from huskies_cli.advice import tick_advice
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_cli.status_icons import mark_now
from huskies_core.clock import utc_now
from huskies_core.operations.runs import RunNow, RunPage
from huskies_core.store.runs import Run
from huskies_core.supervisor.records import Exit, StepEnd


def show_run(page: RunPage, _: Call) -> Result:
    return Result(text=lambda: _page(page, utc_now()))


def kill_run(run: Run, call: Call) -> Result:
    return Result(text=f"run {run.id}: {run_end(run)}", messages=tick_advice(call.context))


def run_end(run: Run) -> str:
    """Return the outcome of a run, or its status, with the detail."""
    return f"{run.outcome or run.status}{f', {run.detail}' if run.detail else ''}"


def _page(page: RunPage, now: datetime) -> str:
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
        ("problem", page.now.problem),
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
    """Return the plain facts; the JSON has the long and the nested ones, too."""
    shown = [
        (name.replace("_", " "), _word(fact))
        for name, fact in run.evidence.to_json().items()
        if isinstance(fact, str | int) and name not in ("output", "fingerprint")
    ]
    return render.section("At its end", render.block(render.fields(shown)))


def _word(fact: str | int) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return str(fact)


def _files(page: RunPage) -> str:
    if page.directory is None:
        return "its files were removed by retention"
    return render.line("files:", render.link(Path(page.directory.path)))
