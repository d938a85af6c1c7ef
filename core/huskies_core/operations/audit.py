"""The audit log, told: its lines as they are, or as they come."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from huskies_core.errors import HuskiesError
from huskies_core.project import Project
from huskies_core.store.journal import JournalEntry, JournalKind


def read(project: Project, after: int = 0) -> Iterator[JournalEntry]:
    """The whole lines behind the position `after`; none where there is no log yet.

    A line that is being written, or that a crash tore, is not told. Raises HuskiesError `audit_damaged` for one that
    nobody can read.
    """
    return _Reader(project, after).news()


def follow(project: Project, after: int, pause: Callable[[], object]) -> Iterator[JournalEntry]:
    """What is in the log and what comes, without an end; `pause` is called when there is nothing new.

    A log that is begun anew, or cut, is read again from its beginning: what was told already is passed over.
    """
    reader = _Reader(project, after)
    while True:
        yield from reader.news()
        pause()


class _Reader:
    """How far the log was read: up to which row, and where in which file."""

    def __init__(self, project: Project, after: int) -> None:
        self._path = project.audit_log
        self._seq = after
        self._file = (0, 0)
        self._position = 0

    def news(self) -> Iterator[JournalEntry]:
        try:
            log = self._path.open("rb")
        except FileNotFoundError:
            return
        with log:
            self._find_place(log)
            for line in log:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                entry = self._entry(line)
                if entry.seq > self._seq:
                    self._seq = entry.seq
                    yield entry

    def _find_place(self, log: BinaryIO) -> None:
        found = os.fstat(log.fileno())
        if (found.st_dev, found.st_ino) != self._file or found.st_size < self._position:
            self._file, self._position = (found.st_dev, found.st_ino), 0
        log.seek(self._position)

    def _entry(self, line: bytes) -> JournalEntry:
        try:
            fields: dict[str, Any] = json.loads(line)
            return JournalEntry(**{**fields, "kind": JournalKind(fields["kind"])})
        except (ValueError, TypeError, KeyError) as error:
            raise HuskiesError(
                f"{self._path}: no line of an audit log ends at byte {self._position}",
                hint="Move the file away: the next tick writes it again from the journal.",
                code="audit_damaged",
                subject=str(self._path),
            ) from error
