"""`huskies doctor`: what keeps a project from working on this machine."""

import typer

from huskies_cli import render
from huskies_cli.output import ErrorItem, Result, Status
from huskies_cli.render import Mark
from huskies_cli.session import session_of
from huskies_core.context import open_context
from huskies_core.tools.doctor import Check, examine


def doctor(ctx: typer.Context) -> Result:
    """Look the project over.

    git, the store, the configuration, the base branch, and of each agent its program, its version and its sandbox: each
    with what helps where it is not well. Nothing is changed. Exit code 1 when anything is not well.
    """
    with open_context(session_of(ctx).start) as context:
        found = examine(context)
    rows = [
        {"check": one.name, "ok": not one.problem, "problem": one.problem, "fix": one.fix} for one in found
    ]
    errors = tuple(
        ErrorItem("unwell", f"{one.name}: {one.problem}", one.fix, one.name) for one in found if one.problem
    )
    status = Status.ERROR if errors else Status.OK
    return Result({"checks": rows}, lambda: "\n".join(map(_line, found)), status, errors)


def _line(check: Check) -> str:
    return render.line(render.mark(Mark.BLOCKED if check.problem else Mark.DONE), check.name)
