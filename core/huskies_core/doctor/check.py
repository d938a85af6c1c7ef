"""What a look came to: well or not, what helps, and what would put it right."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from huskies_core.passes.attempt import StepOutcome, attempt


@dataclass(frozen=True)
class Check:
    """Something that was looked at, as part of a `subject`. `problem` is empty when it is well, `fix` is what helps
    when it is not; `detail` is a fact worth knowing either way.

    `mend` puts it right without losing anything, tells what it did, and raises when it could not; None where a person
    has to decide. `fixed`: it did, and `fix` says what.
    """

    name: str
    problem: str = ""
    fix: str = ""
    detail: str = ""
    mend: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    fixed: bool = False
    subject: str = ""

    @property
    def is_well(self) -> bool:
        return self.fixed or not self.problem


def mended(check: Check) -> Check:
    """The check after its `mend`, where it has one and needs it."""
    if check.mend is None or not check.problem:
        return check
    with attempt() as tried:
        tried.message = check.mend()
    if tried.outcome is not StepOutcome.DONE:
        return replace(check, problem=f"{check.problem}; --fix failed: {tried.message}")
    return replace(check, fixed=True, fix=tried.message)
