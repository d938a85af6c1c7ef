"""The result of a check."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from huskies_core.humanize import list_some
from huskies_core.passes.attempt import StepOutcome, attempt


@dataclass(frozen=True)
class DoctorCheck:
    """The result of a check of a `subject`: a `problem`, or none, and a `detail` worth knowing in either case.

    `fix` says how to fix the problem or, if `fixed`, how it was fixed. `repair` fixes it without losing data and
    returns a summary; None if a person must decide. `applies` is False if the project does not use the feature.
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
        return {
            "check": self.name,
            "subject": self.subject,
            "ok": self.is_ok,
            "problem": self.problem,
            "fix": self.fix,
            "detail": self.detail,
            "fixed": self.fixed,
        }


def check_absent(
    name: str, items: Iterable[object], problem: str, fix: str, repair: Callable[[], str] | None = None
) -> DoctorCheck:
    """Return a check that fails if there are `items`. `{}` in `problem` is replaced by the first of them."""
    listed = list_some(items)
    return DoctorCheck(name, problem.format(listed), fix, repair=repair) if listed else DoctorCheck(name)


def repaired(check: DoctorCheck) -> DoctorCheck:
    """Run the repair of a problem, if it has one, and return the result."""
    if check.repair is None or not check.problem:
        return check
    with attempt() as tried:
        tried.message = check.repair()
    if tried.outcome is not StepOutcome.DONE:
        return replace(check, problem=f"{check.problem}; --fix failed: {tried.message}")
    return replace(check, fixed=True, fix=tried.message)
