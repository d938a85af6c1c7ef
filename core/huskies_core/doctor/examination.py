"""The order in which subjects are looked at, and that one which cannot be looked at keeps no other from it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from huskies_core.context import Context
from huskies_core.doctor.canary import look_at_survival, prove_survival
from huskies_core.doctor.check import Check
from huskies_core.doctor.environment import look_around
from huskies_core.doctor.locks import look_at_locks
from huskies_core.doctor.repository import look_at_git
from huskies_core.doctor.runs import look_at_runs
from huskies_core.doctor.scheduling import look_at_services
from huskies_core.doctor.settings import look_at_agents, look_at_config, look_at_notify
from huskies_core.doctor.space import look_at_space
from huskies_core.doctor.state import is_current, is_older, look_at_store
from huskies_core.doctor.worktrees import look_at_worktrees
from huskies_core.errors import HuskiesError
from huskies_core.passes.attempt import attempt

Look = Callable[[Context], Iterator[Check]]


class Reads(Enum):
    """Whether a look reads the store: not at all, for some of what it tells, or for all."""

    NEVER = auto()
    PERHAPS = auto()
    ALWAYS = auto()


@dataclass(frozen=True)
class Subject:
    name: str
    look: Look
    reads: Reads = Reads.ALWAYS


SUBJECTS = (
    Subject("environment", look_around, Reads.NEVER),
    Subject("git", look_at_git, Reads.NEVER),
    Subject("store", look_at_store, Reads.NEVER),
    Subject("config", look_at_config, Reads.PERHAPS),
    Subject("agents", look_at_agents, Reads.PERHAPS),
    Subject("notify", look_at_notify, Reads.PERHAPS),
    Subject("locks", look_at_locks, Reads.PERHAPS),
    Subject("runs", look_at_runs),
    Subject("worktrees", look_at_worktrees),
    Subject("disk", look_at_space, Reads.PERHAPS),
    Subject("services", look_at_services, Reads.PERHAPS),
    Subject("survival", look_at_survival, Reads.NEVER),
)
PROVING = (*SUBJECTS[:-1], Subject("survival", prove_survival, Reads.NEVER))
"""The same, with a canary whatever is installed."""


def examine(context: Context, subjects: tuple[Subject, ...] = SUBJECTS) -> Iterator[Check]:
    """Every check, well or not, as soon as it is known.

    Changes nothing, and leaves nothing of a canary behind. Who asks may call `mended` on a check before asking for the
    next, which is then of what is.
    """
    for number, subject in enumerate(subjects):
        context.progress(subject.name, number, len(subjects))
        found = _skipped(context, subject) if _is_barred(context, subject) else _looked(context, subject)
        yield from (replace(check, subject=subject.name) for check in found)


def _is_barred(context: Context, subject: Subject) -> bool:
    """Reading an older store would bring it up to date: nobody asked for that."""
    if subject.reads is Reads.ALWAYS:
        return not is_current(context)
    return subject.reads is Reads.PERHAPS and is_older(context)


def _skipped(context: Context, subject: Subject) -> Iterator[Check]:
    why = "is not brought up to date" if is_older(context) else "cannot be read"
    yield Check(subject.name, f"not looked at: the store {why}")


def _looked(context: Context, subject: Subject) -> Iterator[Check]:
    """Yield the checks of a subject. An error in the middle becomes its last check."""
    checks = subject.look(context)
    while True:
        check = None
        with attempt() as tried:
            check = _next_check(subject, checks)
        if tried.code:
            fix = "This is a bug: report it, with the file that 'huskies doctor --bundle FILE' writes."
            yield Check(subject.name, f"could not be checked: {tried.message}", fix)
            return
        if check is None:
            return
        yield check


def _next_check(subject: Subject, checks: Iterator[Check]) -> Check | None:
    """Return the next check. An error that a person can act on is a check, too; None at the end."""
    try:
        return next(checks, None)
    except HuskiesError as error:
        return Check(subject.name, error.message, error.hint)
    except OSError as error:
        fact = f"could not be checked: {error.strerror or error}: {error.filename or 'no file is named'}"
        return Check(subject.name, fact, "Check the type, the owner and the mode of that file.")
