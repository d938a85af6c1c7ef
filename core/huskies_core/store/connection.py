"""Opening the store: who may write, what is migrated, and what a damaged or newer database is told apart by."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import resources
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.project import Project

if TYPE_CHECKING:
    from filelock import FileLock

STORE_WAIT_SECS = 10.0
BUSY_TIMEOUT_SECS = 5.0


class Store:
    """One project's database. Reading takes no lock; every write happens inside `exclusive()`.

    Commits and closes stay under the file lock, so that every checkpoint does: some releases of SQLite can damage a
    write-ahead log when two connections checkpoint at once.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._lock: FileLock | None = None
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what is open. A writer is closed under the lock, waiting for it as long as a write would."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._writer is not None:
            with self._locked(STORE_WAIT_SECS):
                self._writer.close()
            self._writer = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that cannot write, on one unchanging state of the store for as long as it is held."""
        db = self._open_reader()
        if db.in_transaction:
            yield db
            return
        db.execute("BEGIN")
        try:
            yield db
        finally:
            db.rollback()

    @contextmanager
    def exclusive(self, wait: float = STORE_WAIT_SECS) -> Iterator[sqlite3.Connection]:
        """The only writer, in one transaction: committed at the end, rolled back when the block raises.

        Raises LockBusy when another writer held the lock for `wait` seconds.
        """
        with self._locked(wait):
            db = self._open_writer()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.rollback()

    def _open_reader(self) -> sqlite3.Connection:
        if self._reader is None:
            path = self.project.database
            if not path.exists():
                raise lost(path)
            self._reader = connect(f"file:{quote(str(path))}?mode=ro")
            check_version(self._reader)
        return self._reader

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            path = self.project.database
            if not path.exists():
                raise lost(path)
            db = connect(f"file:{quote(str(path))}?mode=rw")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = FULL")
            migrate(db)
            self._writer = db
        return self._writer

    @contextmanager
    def _locked(self, wait: float) -> Iterator[None]:
        from filelock import FileLock, Timeout

        if self._lock is None:
            self._lock = FileLock(self.project.state_lock, poll_interval=0.005, fallback_to_soft=False)
        try:
            self._lock.acquire(timeout=wait)
        except Timeout as busy:
            raise LockBusy("another huskies command is writing to the store") from busy
        try:
            yield
        finally:
            self._lock.release()


def create(project: Project) -> None:
    """Makes the database beside its name and moves it there whole. One that is there already is migrated only.

    Only `init` calls this: a missing database anywhere else is lost state, not a new project.
    """
    store = Store(project)
    with store._locked(STORE_WAIT_SECS):
        if not project.database.exists():
            fresh = project.database.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            with closing(connect(f"file:{quote(str(fresh))}?mode=rwc")) as db:
                migrate(db)
                db.execute("PRAGMA journal_mode = WAL")
            os.replace(fresh, project.database)
    with store.exclusive():
        pass
    store.close()


def connect(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECS, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


def migrate(db: sqlite3.Connection) -> None:
    """Brings the schema up to this code's in one transaction; a crash leaves the version it was."""
    found = check_version(db)
    steps = migrations()
    if found == len(steps):
        return
    script = "".join(steps[found:])
    db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {len(steps)};\nCOMMIT;")


def migrations() -> tuple[str, ...]:
    """The numbered SQL files, in order; the first takes an empty database to version 1."""
    folder = resources.files("huskies_core.store") / "migrations"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".sql")), key=lambda item: item.name)
    return tuple(item.read_text(encoding="utf-8") for item in files)


def check_version(db: sqlite3.Connection) -> int:
    """The schema's version. Raises HuskiesError when the database is not one, or newer than this code."""
    try:
        found = int(db.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise damaged(str(error)) from error
    newest = len(migrations())
    if found > newest:
        raise HuskiesError(
            f"the store is of version {found}, this huskies knows {newest}",
            hint="Upgrade huskies: a newer one has worked on this project.",
            code="newer_store",
        )
    return found


def damaged(detail: str) -> HuskiesError:
    return HuskiesError(
        f"the store is damaged: {detail}",
        hint="Keep .huskies/state.db as it is and restore a copy; the branches and worktrees are not touched.",
        code="store_damaged",
    )


def lost(path: os.PathLike[str]) -> HuskiesError:
    return HuskiesError(
        f"{os.fspath(path)} is gone", hint="Restore it from a copy, or run 'huskies init'.", code="store_lost"
    )
