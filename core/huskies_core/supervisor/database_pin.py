"""Keep SQLite's -wal file the same file while a sandbox shows it, without SQLite."""

import fcntl
import os

# Each user of a database has a shared lock on these bytes: SHARED_FIRST and SHARED_SIZE of
# https://www.sqlite.org/src/file/src/os.h, part of the file format since 3.0.
_FIRST = 0x40000000 + 2
_SIZE = 510


def pin_database(database: str | None) -> None:
    """Keep SQLite from deleting the -wal file while this process lives; it does so when the last connection closes.

    The sandbox would not show a new -wal file. The descriptor stays open on purpose:
    closing it releases the lock.
    """
    if database is None:
        return
    descriptor = os.open(database, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.lockf(descriptor, fcntl.LOCK_SH, _SIZE, _FIRST)
