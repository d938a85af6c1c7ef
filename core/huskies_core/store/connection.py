"""Open the store: one writer at a time, and a new connection if another file has taken the database's place."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import quote

from huskies_core.atomic_file import sync_folder
from huskies_core.errors import LockBusy
from huskies_core.project import Project
from huskies_core.store.errors import busy, explained, left_log, lost, unusable
from huskies_core.store.schema import NEWEST, check_version, migrate, stored_version

if TYPE_CHECKING:
    from filelock import FileLock

Connection = sqlite3.Connection
"""The type that `reading` and `exclusive` yield, for modules that do not import sqlite3."""

STORE_WAIT_SECS = 10.0
BUSY_TIMEOUT_SECS = 5.0
_READ, _WRITE = "ro", "rw"


class _Opened(NamedTuple):
    """A connection and the device and inode of its file."""

    db: sqlite3.Connection
    file: tuple[int, int]


class Store:
    """The database of a project. `exclusive` is the only way to write; `reading` takes a lock only to migrate.

    Commits and closes, and with them all checkpoints, need the file lock: some releases of SQLite can damage the
    write-ahead log if two connections checkpoint at once. For errors of the disk every method raises HuskiesError
    `store_lost`, `store_damaged`, `newer_store`, `store_unusable` or `disk_full`.

    The garbage collector closes an abandoned connection, such as a writer that `close` left open, without the lock.
    Its checkpoint meets no other: SQLite checkpoints at a close only with an exclusive lock on the database file
    (`sqlite3WalClose`), which it gets only if no other connection is open, and a process that opens the store then
    waits for that lock.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._path = project.database
        self._lock: FileLock | None = None
        self._opened: dict[str, _Opened] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Close the writer under the lock; leave it open if the lock is busy."""
        self._close(_READ)
        # All writes are committed, so a busy lock is no failure here.
        with suppress(LockBusy):
            self._close(_WRITE)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a read-only connection that sees one state of the store until the end of the block.

        Take no lock, except to migrate an older store first, under the lock of `exclusive`.
        """
        reader = self._opened.get(_READ)
        if reader is not None and reader.db.in_transaction:
            yield reader.db
            return
        with explained():
            db = self._open(_READ)
            if 0 < stored_version(db) < NEWEST:
                with self.exclusive():
                    pass
            db.execute("BEGIN")
            try:
                # The first read fixes the state that the transaction sees.
                check_version(db)
                yield db
            finally:
                db.rollback()

    def version(self) -> int:
        """Return the version of the schema. Unlike `reading`, do not migrate an older store."""
        with explained():
            return check_version(self._open(_READ))

    def revision(self) -> tuple[int, ...]:
        """Return a value that changes with every commit by another connection, in any process.

        The call is cheap enough for a loop that repeats it many times a second.
        """
        with explained():
            version = self._open(_READ).execute("PRAGMA data_version").fetchone()[0]
            return (*self._opened[_READ].file, int(version))

    @contextmanager
    def exclusive(self, wait: float = STORE_WAIT_SECS) -> Iterator[sqlite3.Connection]:
        """Yield the only writing connection, in one transaction. Commit at the end; roll back if the block raises.

        Raise LockBusy if another writer holds the lock for `wait` seconds.
        """
        with explained(), self._locked(wait):
            db = self._open(_WRITE)
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
        """Create the database as `create` describes."""
        with explained(), self._locked(STORE_WAIT_SECS):
            if not self._path.exists():
                _build(self._path)
        with self.exclusive():
            pass

    def _open(self, mode: str) -> sqlite3.Connection:
        file = _file(self._path)
        if mode not in self._opened or self._opened[mode].file != file:
            self._close(mode)
            self._opened[mode] = _Opened(_connect(self._path, mode), file)
        return self._opened[mode].db

    def _close(self, mode: str) -> None:
        if mode in self._opened:
            with self._locked(STORE_WAIT_SECS) if mode == _WRITE else nullcontext():
                self._opened[mode].db.close()
            del self._opened[mode]

    @contextmanager
    def _locked(self, wait: float) -> Iterator[None]:
        from filelock import FileLock, Timeout

        if self._lock is None:
            # A connection belongs to one thread anyway. Without thread_local, the lock takes a quarter less time.
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
    """Create the database under another name and rename it, so that it is never incomplete. Migrate an older database.

    Only `init` calls this: everywhere else a missing database is lost state, not a new project. A crash leaves
    `state.new`, which the next call removes. Raise HuskiesError `store_lost` if the database is missing but its
    write-ahead log exists.
    """
    with Store(project) as store:
        store.make()


def _build(database: Path) -> None:
    log = database.with_name(f"{database.name}-wal")
    if log.exists():
        raise left_log(log)
    new_database = database.with_suffix(".new")
    for name in (new_database.name, f"{new_database.name}-wal", f"{new_database.name}-shm"):
        new_database.with_name(name).unlink(missing_ok=True)
    with closing(_connect(new_database, "rwc")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        migrate(db)
    os.replace(new_database, database)
    sync_folder(str(database.parent))


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECS, isolation_level=None)
    db.row_factory = sqlite3.Row
    if mode == _WRITE:
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            db.close()
            raise
    return db


def _file(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise lost(path) from error
    except OSError as error:
        raise unusable(str(error)) from error
    return status.st_dev, status.st_ino
