"""Run the checks of all subjects in order. A subject that fails does not stop the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from huskies_core.context import Context
from huskies_core.doctor.canary import check_survival, check_survival_everywhere
from huskies_core.doctor.check import DoctorCheck
from huskies_core.doctor.environment import check_environment
from huskies_core.doctor.locks import check_locks
from huskies_core.doctor.runs import check_runs
from huskies_core.doctor.scheduling import check_services
from huskies_core.doctor.settings import check_agents, check_config, check_git, check_notify
from huskies_core.doctor.space import check_space
from huskies_core.doctor.state import check_store, is_current, is_older
from huskies_core.doctor.worktrees import check_worktrees
from huskies_core.errors import HuskiesError
from huskies_core.passes.attempt import attempt

Checker = Callable[[Context], Iterator[DoctorCheck]]


class Reads(Enum):
    """Whether a checker reads the store: never, for some of its checks, or for all."""

    NEVER = auto()
    PERHAPS = auto()
    ALWAYS = auto()


@dataclass(frozen=True)
class Subject:
    name: str
    checker: Checker
    reads: Reads = Reads.ALWAYS


SUBJECTS = (
    Subject("environment", check_environment, Reads.NEVER),
    Subject("git", check_git, Reads.NEVER),
    Subject("store", check_store, Reads.NEVER),
    Subject("config", check_config, Reads.PERHAPS),
    Subject("agents", check_agents, Reads.PERHAPS),
    Subject("notify", check_notify, Reads.PERHAPS),
    Subject("locks", check_locks, Reads.PERHAPS),
    Subject("runs", check_runs),
    Subject("worktrees", check_worktrees),
    Subject("disk", check_space, Reads.PERHAPS),
    Subject("services", check_services, Reads.PERHAPS),
    Subject("survival", check_survival, Reads.NEVER),
)
WITH_CANARY = (*SUBJECTS[:-1], Subject("survival", check_survival_everywhere, Reads.NEVER))
"""The subjects with a test run for each kind of service, installed or not."""


def examine(context: Context, subjects: tuple[Subject, ...] = SUBJECTS) -> Iterator[DoctorCheck]:
    """Yield each check as soon as its result is known.

    Change nothing and leave no test run behind. The caller may repair a check before it requests the next one, which
    then sees the repaired state.
    """
    for number, subject in enumerate(subjects):
        context.progress(subject.name, number, len(subjects))
        if _needs_store(context, subject):
            state = "has an older version" if is_older(context) else "cannot be read"
            checks: Iterator[DoctorCheck] = iter(
                (DoctorCheck(subject.name, f"not checked: the store {state}"),)
            )
        else:
            checks = _checks_of(context, subject)
        yield from (replace(check, subject=subject.name) for check in checks)


def _needs_store(context: Context, subject: Subject) -> bool:
    """Return whether the checker needs a store that cannot be read. Reading an older one would migrate it."""
    if subject.reads is Reads.ALWAYS:
        return not is_current(context)
    return subject.reads is Reads.PERHAPS and is_older(context)


def _checks_of(context: Context, subject: Subject) -> Iterator[DoctorCheck]:
    """Yield the checks of a subject. An error in the middle becomes its last check."""
    checks = subject.checker(context)
    while True:
        check = None
        with attempt() as tried:
            check = _next_check(subject, checks)
        if tried.code:
            fix = "This is a bug: report it, with the file that 'huskies doctor --bundle FILE' writes."
            yield DoctorCheck(subject.name, f"could not be checked: {tried.message}", fix)
            return
        if check is None:
            return
        yield check


def _next_check(subject: Subject, checks: Iterator[DoctorCheck]) -> DoctorCheck | None:
    """Return the next check, or None at the end. An error that a person can act on becomes a check."""
    try:
        return next(checks, None)
    except HuskiesError as error:
        return DoctorCheck(subject.name, error.message, error.hint)
    except OSError as error:
        fact = f"could not be checked: {error.strerror or error}: {error.filename or 'no file is named'}"
        return DoctorCheck(subject.name, fact, "Check the type, the owner and the mode of that file.")
