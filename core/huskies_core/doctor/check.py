"""The result of a check, and the questions about the store that decide which checks can run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.humanize import list_some
from huskies_core.passes.steps import StepOutcome, attempt
from huskies_core.store.schema import NEWEST


@dataclass(frozen=True)
class DoctorCheck:
    """The result of a check of a `subject`: a `problem`, or none, and a `detail` worth knowing in either case.

    `fix` says how to fix the problem or, if `fixed`, how it was fixed. `repair` fixes it without losing data and
    returns a summary; None if a person must decide. Without a problem, both are ignored. `applies` is False if the
    project does not use the feature.
    """

    name: str
    problem: str = ""
    fix: str = ""
    detail: str = ""
    repair: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    fixed: bool = False
    subject: str = ""
    applies: bool = True

    @property
    def is_ok(self) -> bool:
        return self.fixed or not self.problem

    def to_json(self) -> dict[str, object]:
        fix = self.fix if self.problem else ""
        facts = {"problem": self.problem, "fix": fix, "detail": self.detail, "fixed": self.fixed}
        return {"check": self.name, "subject": self.subject, "ok": self.is_ok, **facts}


def check_absent(
    name: str, items: Iterable[object], problem: str, fix: str, repair: Callable[[], str] | None = None
) -> DoctorCheck:
    """Return a check that fails if there are `items`. `{}` in `problem` is replaced by the first of them."""
    listed = list_some(items)
    return DoctorCheck(name, problem.format(listed) if listed else "", fix, repair=repair)


def repaired(check: DoctorCheck) -> DoctorCheck:
    """Run the repair of a problem, if it has one, and return the result."""
    if check.repair is None or not check.problem:
        return check
    with attempt() as attempted:
        attempted.message = check.repair()
    if attempted.outcome is not StepOutcome.DONE:
        return replace(check, problem=f"{check.problem}; --fix failed: {attempted.message}")
    return replace(check, fixed=True, fix=attempted.message)


def is_current(context: Context) -> bool:
    """Return whether the store can be read without migrating it."""
    try:
        return context.store.version() == NEWEST
    except HuskiesError:
        return False


def is_older(context: Context) -> bool:
    """Return whether the next command would migrate the store."""
    try:
        return context.store.version() < NEWEST
    except HuskiesError:
        return False
