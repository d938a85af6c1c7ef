"""`huskies doctor`: what keeps a project from working on this machine."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.output import ErrorItem, Result, Status
from huskies_cli.progress import shown
from huskies_cli.render import Mark
from huskies_cli.session import Session, session_of
from huskies_core.context import open_context
from huskies_core.doctor.archive import refuse_existing
from huskies_core.doctor.bundle import write_bundle
from huskies_core.doctor.check import Check, mended
from huskies_core.doctor.examination import PROVING, SUBJECTS, examine
from huskies_core.project import find_remains
from huskies_core.runs.authorization import refuse_inside_run

Fix = Annotated[bool, typer.Option("--fix", help="Put right what is safe to, and say what was done.")]
Canary = Annotated[
    bool,
    typer.Option(
        "--canary", help="Try whether a run outlives what starts it, also with no service installed."
    ),
]


Bundle = Annotated[
    str,
    typer.Option("--bundle", metavar="FILE", help="Write what a bug report needs there.", show_default=False),
]


def doctor(ctx: typer.Context, fix: Fix = False, canary: Canary = False, bundle: Bundle = "") -> Result:
    """Look the project over.

    The surroundings, git, the store, the configuration, agents, locks, runs, worktrees, the disk and services: what is
    not well, each with what helps. Nothing is changed without --fix. Exit code 1 when anything is not well.
    """
    session = session_of(ctx)
    with open_context(session.start, find=find_remains) as context:
        if fix or canary:
            refuse_inside_run(context)
        if bundle:
            refuse_existing(Path(bundle))
        with shown(session) as context.progress:
            checks = examine(context, PROVING if canary else SUBJECTS)
            # Each is mended at once: what is looked at next is what came of it.
            found = tuple(map(mended, checks) if fix else checks)
        if bundle:
            write_bundle(context, found, Path(bundle))
    return _result(found, bundle, session)


def _result(found: Sequence[Check], bundle: str, session: Session) -> Result:
    """As text each is told where it stands; a second time on standard error would be once too often."""
    unwell = [one for one in found if not one.is_well]
    errors = (ErrorItem("unwell", f"{one.name}: {one.problem}", one.fix, one.name) for one in unwell)
    status = Status.ERROR if unwell else Status.OK
    data = {"checks": [_row(one) for one in found], "bundle": bundle or None}
    talk = (f"Wrote {bundle}. Look through it before you send it.",) if bundle else ()
    return Result(data, lambda: _text(found), status, tuple(errors) if session.json else (), talk)


def _row(one: Check) -> dict[str, object]:
    said = {"problem": one.problem, "fix": one.fix, "detail": one.detail}
    return {"check": one.name, "subject": one.subject, "ok": one.is_well, **said, "fixed": one.fixed}


def _text(found: Iterable[Check]) -> str:
    subjects = groupby(found, key=lambda one: one.subject)
    return "\n".join(line for name, checks in subjects for line in _lines(name, list(checks)))


def _lines(subject: str, checks: list[Check]) -> Iterator[str]:
    """A subject that is well is one line, with what is worth knowing; of any other each check that is not."""
    told = [one for one in checks if one.problem]
    if not told:
        details = "; ".join(one.detail for one in checks if one.detail)
        yield render.line(render.mark(Mark.DONE), f"{subject}: {details}" if details else subject)
    for one in told:
        mark = render.mark(Mark.DONE if one.fixed else Mark.BLOCKED)
        if one.fix:
            yield render.line(mark, one.name)
            yield render.block(one.problem)
            yield render.block(f"fixed: {one.fix}" if one.fixed else one.fix)
        else:
            yield render.line(mark, f"{one.name}: {one.problem}")
