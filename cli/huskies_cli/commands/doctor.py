"""`huskies doctor`: checks of the project and of this machine."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

from huskies_cli import render
from huskies_cli.command import own_command
from huskies_cli.output import ErrorItem, Result
from huskies_cli.progress import shown
from huskies_cli.render import Mark
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.doctor.bundle import refuse_existing, write_bundle
from huskies_core.doctor.check import DoctorCheck, repaired
from huskies_core.doctor.examination import SUBJECTS, WITH_CANARY, examine
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.operation import PROJECT, Command
from huskies_core.project import find_damaged_project


@own_command(Command("doctor", PROJECT))
def doctor(
    session: Session,
    *,
    fix: Annotated[bool, Argument("Fix problems where that is safe, and report each fix.")] = False,
    canary: Annotated[
        bool, Argument("Test that a run outlives its starter, also without an installed service.")
    ] = False,
    bundle: Annotated[
        str,
        Argument("Write the files for a bug report into this archive.", metavar="FILE", completion="file"),
    ] = "",
) -> Result:
    """Check the project for problems.

    The command checks the environment, git, the store, the configuration, agents, locks, runs, worktrees, the disk and
    services. For each problem it prints what solves it. Without --fix it changes nothing. The exit code is 1 if there
    are problems.
    """
    with session.open(find=find_damaged_project) as context:
        if fix or canary:
            refuse_inside_run(context)
        if bundle:
            refuse_existing(Path(bundle))
        with shown(session) as context.progress:
            checks = examine(context, WITH_CANARY if canary else SUBJECTS)
            # Repair each problem before the next check, which sees the result.
            results = tuple(map(repaired, checks) if fix else checks)
        if bundle:
            write_bundle(context, results, Path(bundle))
    return _result(results, bundle, session)


def _result(checks: Sequence[DoctorCheck], bundle: str, session: Session) -> Result:
    """Return the result. The text names each problem, so that only JSON lists them as errors, too."""
    failed = [check for check in checks if not check.is_ok]
    errors = [
        ErrorItem("unwell", f"{check.name}: {check.problem}", check.fix, check.name) for check in failed
    ]
    data = {"checks": [check.to_json() for check in checks], "bundle": bundle or None}
    messages = (f"Wrote {bundle}. Read it before you send it.",) if bundle else ()
    shown = tuple(errors) if session.json else ()
    return Result(data, lambda: _text(checks), shown, messages, exit_code=1 if failed else 0)


_TITLES = {"notify": "notifications", "services": "scheduler"}
"""The titles of subjects in the text; JSON has their names."""


def _text(checks: Iterable[DoctorCheck]) -> str:
    subjects = groupby(checks, key=lambda check: check.subject)
    return "\n".join(
        line for name, group in subjects for line in _lines(_TITLES.get(name, name), list(group))
    )


def _lines(title: str, checks: list[DoctorCheck]) -> Iterator[str]:
    """Yield a line for a subject without problems, else the lines of its problems."""
    problems = [check for check in checks if check.problem]
    if not problems:
        details = "; ".join(check.detail for check in checks if check.detail)
        mark = render.mark(Mark.DONE) if any(check.applies for check in checks) else "–"
        yield render.line(mark, f"{title}: {details}" if details else title)
    for check in problems:
        mark = render.mark(Mark.DONE if check.fixed else Mark.BLOCKED)
        if check.fix:
            yield render.line(mark, check.name)
            yield render.block(check.problem)
            yield render.block(f"fixed: {check.fix}" if check.fixed else check.fix)
        else:
            yield render.line(mark, f"{check.name}: {check.problem}")
