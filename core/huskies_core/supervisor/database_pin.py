"""Keeping the files of a database the same while a sandbox shows them one by one, without opening it."""

import fcntl
import os

# The bytes of a database that each of its users holds a shared lock on: SHARED_FIRST and SHARED_SIZE of
# https://www.sqlite.org/src/file/src/os.h, part of the file format since 3.0.
_FIRST = 0x40000000 + 2
_SIZE = 510


def pin_database(database: str | None) -> None:
    """Until this process ends or execs: the last who closes the database removes its log, and is never the last.

    Such a log, removed and made again, would be another file than the one seen inside. The descriptor is left open
    on purpose: to close it would let go.
    """
    if database is None:
        return
    descriptor = os.open(database, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.lockf(descriptor, fcntl.LOCK_SH, _SIZE, _FIRST)
