"""What SQLite and the disk refuse, told as facts a person can act on. All other errors of SQLite are bugs."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from huskies_core.errors import HuskiesError, LockBusy

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_REFUSED = (
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOLFS),
    *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY),
)


@contextmanager
def explained() -> Iterator[None]:
    """Raises HuskiesError or LockBusy in place of the errors of SQLite that come from outside."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        told = _explain(error)
        if told is None:
            raise
        raise told from error


def _explain(error: sqlite3.DatabaseError) -> HuskiesError | None:
    # Errors that Python's own module raises carry no code; the low byte of SQLite's tells the family.
    family = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if family in _DAMAGED:
        return damaged(str(error))
    if family == sqlite3.SQLITE_BUSY:
        return busy()
    if family == sqlite3.SQLITE_FULL:
        return HuskiesError(
            "the disk is full: nothing was written", hint="Free some space.", code="disk_full"
        )
    return unusable(str(error)) if family in _REFUSED else None


def busy() -> LockBusy:
    return LockBusy("another huskies command is writing to the store")


def damaged(detail: str) -> HuskiesError:
    return HuskiesError(
        f"the store is damaged: {detail}",
        hint="Keep .huskies/state.db as it is and restore a copy; branches and worktrees are untouched.",
        code="store_damaged",
    )


def lost(path: os.PathLike[str]) -> HuskiesError:
    return HuskiesError(
        f"{os.fspath(path)} is gone",
        hint="Restore it from a copy, without the -wal and -shm of the lost one, or run 'huskies init'.",
        code="store_lost",
    )


def left_log(path: os.PathLike[str]) -> HuskiesError:
    """A write-ahead log without its database: SQLite would write it into any new one of that name."""
    return HuskiesError(
        f"{os.fspath(path)} is left of a store that is gone",
        hint="Restore state.db beside it, or move it away to begin anew.",
        code="store_lost",
    )


def unusable(detail: str) -> HuskiesError:
    return HuskiesError(
        f"the store cannot be used: {detail}",
        hint="Reading, too, needs a .huskies folder that this user may write in.",
        code="store_unusable",
    )
