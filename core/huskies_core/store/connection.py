"""Opening the store: who may write, and that it is still the database that it was."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import quote

from huskies_core.errors import LockBusy
from huskies_core.project import Project
from huskies_core.store.errors import busy, explained, left_log, lost, unusable
from huskies_core.store.schema import NEWEST, check_version, migrate, stored_version

if TYPE_CHECKING:
    from filelock import FileLock

Connection = sqlite3.Connection
"""What `reading` and `exclusive` give; the name by which the rest of the program knows it."""

STORE_WAIT_SECS = 10.0
BUSY_TIMEOUT_SECS = 5.0


class _Opened(NamedTuple):
    """A connection, and which file (device, inode) it was opened on."""

    db: sqlite3.Connection
    file: tuple[int, int]


class Store:
    """One project's database. Reading takes no lock; every write happens inside `exclusive()`.

    Commits and closes stay under the file lock, so that every checkpoint does: some releases of SQLite can
    damage a write-ahead log when two connections checkpoint at once. Both ways in raise HuskiesError
    `store_lost`, `store_damaged`, `newer_store`, `store_unusable` or `disk_full` where the disk is at fault.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._path = project.database
        self._lock: FileLock | None = None
        self._writer: _Opened | None = None
        self._reader: _Opened | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what is open. A writer is closed under the lock, or left open when the lock stays busy."""
        self._close_reader()
        # What was written is committed: a lock that is busy now must not look like a write that failed.
        with suppress(LockBusy):
            self._close_writer()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that cannot write, on one unchanging state of the store for as long as it is held."""
        if self._reader is not None and self._reader.db.in_transaction:
            yield self._reader.db
            return
        with explained():
            db = self._open_reader()
            if 0 < stored_version(db) < NEWEST:
                with self.exclusive():
                    pass
            db.execute("BEGIN")
            try:
                # This first read fixes what is seen until the end.
                check_version(db)
                yield db
            finally:
                db.rollback()

    def version(self) -> int:
        """The version of its schema. Unlike `reading` it leaves an older store as it is."""
        with explained():
            return check_version(self._open_reader())

    def revision(self) -> tuple[int, ...]:
        """Differs from the last one after every commit by any other connection, of this process or another: what a
        loop asks many times a second. Raises as `reading` does."""
        with explained():
            db = self._open_reader()
            assert self._reader is not None
            return (*self._reader.file, int(db.execute("PRAGMA data_version").fetchone()[0]))

    @contextmanager
    def exclusive(self, wait: float = STORE_WAIT_SECS) -> Iterator[sqlite3.Connection]:
        """The only writer, in one transaction: committed at the end, rolled back when the block raises.

        Raises LockBusy when another writer held the lock for `wait` seconds.
        """
        with explained(), self._locked(wait):
            db = self._open_writer()
            if check_version(db) < NEWEST:
                migrate(db)
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.rollback()

    def make(self) -> None:
        """See `create`."""
        with explained(), self._locked(STORE_WAIT_SECS):
            if not self._path.exists():
                _build(self._path)
        with self.exclusive():
            pass

    def _open_reader(self) -> sqlite3.Connection:
        file = _file(self._path)
        if self._reader is None or self._reader.file != file:
            self._close_reader()
            self._reader = _Opened(_connect(self._path, "ro"), file)
        return self._reader.db

    def _open_writer(self) -> sqlite3.Connection:
        file = _file(self._path)
        if self._writer is None or self._writer.file != file:
            self._close_writer()
            db = _connect(self._path, "rw")
            self._writer = _Opened(db, file)
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = FULL")
        return self._writer.db

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.db.close()
            self._reader = None

    def _close_writer(self) -> None:
        if self._writer is not None:
            with self._locked(STORE_WAIT_SECS):
                self._writer.db.close()
            self._writer = None

    @contextmanager
    def _locked(self, wait: float) -> Iterator[None]:
        from filelock import FileLock, Timeout

        if self._lock is None:
            # A connection belongs to its thread anyway; without thread_local an acquire costs a quarter less.
            path = self.project.state_lock
            self._lock = FileLock(path, poll_interval=0.005, fallback_to_soft=False, thread_local=False)
        try:
            self._lock.acquire(timeout=wait)
        except Timeout as error:
            raise busy() from error
        except OSError as error:
            raise unusable(str(error)) from error
        try:
            yield
        finally:
            self._lock.release()


def create(project: Project) -> None:
    """Makes the database beside its name and moves it there whole; one that exists is only migrated.

    Only `init` calls this: a missing database anywhere else is lost state, not a new project. A crash leaves
    `state.new`, which the next call removes. Raises HuskiesError `store_lost` when a database that is gone
    has left its write-ahead log.
    """
    with Store(project) as store:
        store.make()


def _build(database: Path) -> None:
    log = database.with_name(f"{database.name}-wal")
    if log.exists():
        raise left_log(log)
    fresh = database.with_suffix(".new")
    for name in (fresh.name, f"{fresh.name}-wal", f"{fresh.name}-shm"):
        fresh.with_name(name).unlink(missing_ok=True)
    with closing(_connect(fresh, "rwc")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        migrate(db)
    os.replace(fresh, database)
    _sync(database.parent)


def _sync(folder: Path) -> None:
    """The new name outlives a power failure from here on."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECS, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


def _file(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise lost(path) from error
    except OSError as error:
        raise unusable(str(error)) from error
    return found.st_dev, found.st_ino
