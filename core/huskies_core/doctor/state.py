"""The store: whole, of this version, and of one mind with itself."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from huskies_core.context import Context
from huskies_core.doctor.check import Check
from huskies_core.errors import HuskiesError
from huskies_core.passes.audit_log import last_seq
from huskies_core.store import integrity, journal
from huskies_core.store.connection import Connection
from huskies_core.store.schema import NEWEST

_RESTORE = "Keep .huskies/state.db as it is and restore a copy; branches and worktrees are untouched."
_REPORT = "Keep a copy of .huskies/state.db and report it, with what 'huskies doctor --bundle FILE' writes."


def look_at_store(context: Context) -> Iterator[Check]:
    version = context.store.version()
    if version < NEWEST:
        yield _older(context, version)
    if is_current(context):
        with context.store.reading() as db:
            found = tuple(_of_tables(context, db))
        yield from found


def is_current(context: Context) -> bool:
    """Whether the store can be read, and reading it changes nothing: an older one would be brought up to date."""
    try:
        return context.store.version() == NEWEST
    except HuskiesError:
        return False


def is_older(context: Context) -> bool:
    try:
        return context.store.version() < NEWEST
    except HuskiesError:
        return False


def _of_tables(context: Context, db: Connection) -> Iterator[Check]:
    damage = integrity.damage(db)
    yield _said("store", damage, _RESTORE)
    if damage:
        return
    yield _said("journal", integrity.contradictions(db), _REPORT)
    ahead = integrity.ahead_of_journal(db)
    fix = "Was an older copy put back? 'huskies doctor --fix' has them go on from the end of the journal."
    yield _said("cursors", ahead, fix, mend=partial(_pull_back, context))
    yield _said("counters", integrity.low_counters(db), _REPORT)
    yield _audit_log(context, db)


def _older(context: Context, version: int) -> Check:
    fact = f"it is of version {version}, this huskies knows {NEWEST}"
    fix = "Any command but this one brings it up to date, and so does 'huskies doctor --fix'."
    return Check("store", fact, fix, mend=partial(_bring_up, context))


def _bring_up(context: Context) -> str:
    with context.store.exclusive():
        return f"brought to version {NEWEST}"


def _pull_back(context: Context) -> str:
    with context.store.exclusive() as db:
        integrity.pull_back(db)
    return "they go on from the end of the journal"


def _audit_log(context: Context, db: Connection) -> Check:
    """Its last line is its cursor: what comes up to that is taken for written."""
    try:
        last = last_seq(context.project.audit_log)
    except (ValueError, KeyError, TypeError):
        fix = "Cut its last line off, or move it away: a new one is written from the journal."
        return Check("audit log", "its last line is not one of ours", fix)
    head = journal.head(db)
    if last <= head:
        return Check("audit log")
    fix = "Was an older copy of the store put back? Move the log away: a new one is written from the journal."
    return Check("audit log", f"it ends at {last}, the journal at {head}: nothing is added until then", fix)


def _said(name: str, found: Sequence[str], fix: str, mend: Callable[[], str] | None = None) -> Check:
    return Check(name, "; ".join(found), fix, mend=mend) if found else Check(name)
