"""Checks of the store: integrity, version, consistency."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck
from huskies_core.errors import HuskiesError
from huskies_core.passes.audit_log import last_seq
from huskies_core.store import integrity, journal
from huskies_core.store.connection import Connection
from huskies_core.store.schema import NEWEST

_RESTORE = "Keep .huskies/state.db unchanged and restore a copy. Branches and worktrees are not affected."
_REPORT = "Keep a copy of .huskies/state.db and report it, with the file that 'huskies doctor --bundle FILE' writes."


def check_store(context: Context) -> Iterator[DoctorCheck]:
    version = context.store.version()
    if version < NEWEST:
        fact = f"the store has version {version}, this huskies uses {NEWEST}"
        fix = "The next command other than doctor migrates it. So does 'huskies doctor --fix'."
        yield DoctorCheck("store", fact, fix, repair=partial(_migrate, context))
    if is_current(context):
        with context.store.reading() as db:
            checks = tuple(_of_tables(context, db))
        yield from checks


def is_current(context: Context) -> bool:
    """Return whether the store can be read without migrating it."""
    try:
        return context.store.version() == NEWEST
    except HuskiesError:
        return False


def is_older(context: Context) -> bool:
    try:
        return context.store.version() < NEWEST
    except HuskiesError:
        return False


def _of_tables(context: Context, db: Connection) -> Iterator[DoctorCheck]:
    damage = integrity.damage(db)
    yield _joined("store", damage, _RESTORE)
    if damage:
        return
    yield _joined("journal", integrity.contradictions(db), _REPORT)
    fix = "An older copy of the store may have been restored. 'huskies doctor --fix' moves the cursors to the end."
    yield _joined("cursors", integrity.ahead_of_journal(db), fix, repair=partial(_pull_back, context))
    yield _joined("counters", integrity.low_counters(db), _REPORT)
    yield _audit_log(context, db)


def _migrate(context: Context) -> str:
    with context.store.exclusive():
        return f"migrated to version {NEWEST}"


def _pull_back(context: Context) -> str:
    with context.store.exclusive() as db:
        integrity.pull_back(db)
    return "the cursors continue at the end of the journal"


def _audit_log(context: Context, db: Connection) -> DoctorCheck:
    """Check the last line of the audit log, which is the cursor of the pass that writes it."""
    try:
        last = last_seq(context.project.audit_log)
    except (ValueError, KeyError, TypeError):
        fix = "Remove the last line, or move the file away: then a new one is written from the journal."
        return DoctorCheck("audit log", "the last line is not valid", fix)
    head = journal.head(db)
    if last <= head:
        return DoctorCheck("audit log")
    fact = f"the log ends at {last}, the journal at {head}: nothing is added until the journal passes {last}"
    fix = "An older copy of the store may have been restored. Move the log away: then a new one is written."
    return DoctorCheck("audit log", fact, fix)


def _joined(
    name: str, problems: Sequence[str], fix: str, repair: Callable[[], str] | None = None
) -> DoctorCheck:
    return DoctorCheck(name, "; ".join(problems), fix, repair=repair) if problems else DoctorCheck(name)
