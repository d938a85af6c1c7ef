"""The errors of SQLite and the disk that a person can act on, as HuskiesError. All other errors of SQLite are bugs."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from huskies_core.errors import HuskiesError, LockBusy

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_REFUSED = (
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOLFS),
    *(sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY),
)


@contextmanager
def explained() -> Iterator[None]:
    """Raise HuskiesError or LockBusy instead of an error of SQLite with a cause outside Huskies."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        explanation = _explain(error)
        if explanation is None:
            raise
        raise explanation from error


def _explain(error: sqlite3.DatabaseError) -> HuskiesError | None:
    # Errors that Python's sqlite3 raises itself have no code. The low byte of SQLite's code is the primary code.
    family = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if family in _DAMAGED:
        return damaged(str(error))
    if family in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return busy()
    if family == sqlite3.SQLITE_FULL:
        return HuskiesError(
            "the disk is full: nothing was written", hint="Free some space.", code="disk_full"
        )
    if family == sqlite3.SQLITE_IOERR:
        return HuskiesError(
            f"the store cannot be used: {error}",
            hint="Free some space, or check the disk.",
            code="store_unusable",
        )
    return unusable(str(error)) if family in _REFUSED else None


def busy() -> LockBusy:
    return LockBusy("another huskies command is writing to the store")


def damaged(detail: str) -> HuskiesError:
    return HuskiesError(
        f"the store is damaged: {detail}",
        hint="Keep .huskies/state.db and restore a backup. Branches and worktrees are not affected.",
        code="store_damaged",
    )


def lost(path: os.PathLike[str]) -> HuskiesError:
    return HuskiesError(
        f"{os.fspath(path)} is missing",
        hint="Restore a backup, without the -wal and -shm files of the lost store, or run 'huskies init'.",
        code="store_lost",
    )


def left_log(path: os.PathLike[str]) -> HuskiesError:
    """Return the error for a write-ahead log without its database. SQLite would apply it to a new database."""
    return HuskiesError(
        f"{os.fspath(path)} belongs to a store that is missing",
        hint="Restore state.db, or move the file away to begin with an empty store.",
        code="store_lost",
    )


def unusable(detail: str) -> HuskiesError:
    return HuskiesError(
        f"the store cannot be used: {detail}",
        hint="Give this user write permission for .huskies. Reading the store requires it, too.",
        code="store_unusable",
    )
