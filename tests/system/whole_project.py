"""The whole state of a project as one value."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from support.git_repository import GitRepository

_STORE = ("state.db", "state.db-wal", "state.db-shm")


@dataclass(frozen=True)
class Whole:
    """Return the rows of the store, the refs, and all files except those of git and locks."""

    rows: tuple[str, ...]
    files: dict[str, bytes]
    refs: tuple[str, ...]


def whole(repository: GitRepository) -> Whole:
    refs = repository.git("for-each-ref", "--format=%(refname) %(objectname)", check=False)
    return Whole(
        tuple(_rows(repository.root / ".huskies" / "state.db")),
        dict(_files(repository.root)),
        (repository.git("rev-parse", "HEAD", check=False), *refs.splitlines()),
    )


def _rows(database: Path) -> Iterator[str]:
    """Return the content of the store, or its bytes if SQLite cannot read it."""
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
            yield from db.iterdump()
            yield str(db.execute("PRAGMA user_version").fetchone())
    except sqlite3.DatabaseError:
        yield repr(database.read_bytes())


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        ours = path.name in _STORE or path.suffix == ".lock" or ".git" in path.relative_to(root).parts
        if path.is_file() and not ours:
            yield str(path.relative_to(root)), path.read_bytes()
