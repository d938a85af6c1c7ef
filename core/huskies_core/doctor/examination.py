"""Run the checks of all subjects in order. A subject that fails does not stop the others."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum, auto

from msgspec import Struct

from huskies_core.context import Context
from huskies_core.doctor import disk, installation, processes, services
from huskies_core.doctor.check import DoctorCheck, is_current, is_older
from huskies_core.errors import HuskiesError
from huskies_core.passes.steps import attempt

Checker = Callable[[Context], Iterator[DoctorCheck]]


class Reads(Enum):
    """Whether a checker reads the store: never, for some of its checks, or for all."""

    NEVER = auto()
    PERHAPS = auto()
    ALWAYS = auto()


class Subject(Struct, frozen=True):
    name: str
    checker: Checker
    reads: Reads


SUBJECTS = (
    Subject("environment", installation.check_environment, Reads.NEVER),
    Subject("git", installation.check_git, Reads.NEVER),
    Subject("store", installation.check_store, Reads.NEVER),
    Subject("config", installation.check_config, Reads.PERHAPS),
    Subject("agents", installation.check_agents, Reads.PERHAPS),
    Subject("notify", installation.check_notify, Reads.PERHAPS),
    Subject("locks", processes.check_locks, Reads.PERHAPS),
    Subject("runs", processes.check_runs, Reads.ALWAYS),
    Subject("worktrees", disk.check_worktrees, Reads.ALWAYS),
    Subject("disk", disk.check_space, Reads.PERHAPS),
    Subject("services", services.check_services, Reads.PERHAPS),
    Subject("survival", services.check_survival, Reads.NEVER),
)
WITH_CANARY = (*SUBJECTS[:-1], Subject("survival", services.check_survival_everywhere, Reads.NEVER))
"""The subjects with a test run for each kind of service, installed or not."""


def examine(context: Context, subjects: tuple[Subject, ...] = SUBJECTS) -> Iterator[DoctorCheck]:
    """Yield each check as soon as its result is known.

    Change nothing and leave no test run behind. The caller may repair a check before it requests the next one, which
    then sees the repaired state.
    """
    for number, subject in enumerate(subjects):
        context.progress(subject.name, number, len(subjects))
        # Reading an older store would migrate it.
        if subject.reads is not Reads.NEVER and is_older(context):
            yield DoctorCheck(
                subject.name, "not checked: the store has an older version", subject=subject.name
            )
        elif subject.reads is Reads.ALWAYS and not is_current(context):
            yield DoctorCheck(subject.name, "not checked: the store cannot be read", subject=subject.name)
        else:
            yield from (replace(check, subject=subject.name) for check in _checks_of(context, subject))


def _checks_of(context: Context, subject: Subject) -> Iterator[DoctorCheck]:
    """Yield the checks of a subject. An error in the middle becomes its last check."""
    with attempt() as attempted:
        try:
            yield from subject.checker(context)
        except HuskiesError as error:
            yield DoctorCheck(subject.name, error.message, error.hint)
        except OSError as error:
            fact = f"could not be checked: {error.strerror or error}: {error.filename or 'no file is named'}"
            yield DoctorCheck(subject.name, fact, "Check the type, the owner and the mode of that file.")
    if attempted.code:
        fix = "This is a bug: report it, with the file that 'huskies doctor --bundle FILE' writes."
        yield DoctorCheck(subject.name, f"could not be checked: {attempted.message}", fix)
