"""Read the audit log once, or follow it."""

import os
from collections.abc import Callable, Iterator

from huskies_core.project import Project
from huskies_core.store import journal
from huskies_core.store.journal import JournalEntry


def read(project: Project, after: int = 0) -> Iterator[JournalEntry]:
    """Yield the complete lines after the position `after`; none if there is no log yet.

    An incomplete last line, which is still being written or was cut by a crash, is ignored. Raise HuskiesError
    `audit_damaged` for a line that is not valid.
    """
    return _Reader(project, after).read_new()


def follow(project: Project, after: int, pause: Callable[[], object]) -> Iterator[JournalEntry]:
    """Yield the lines, then new ones without end; call `pause` when there are no new ones.

    A log that was replaced or truncated is read from its beginning; rows that were yielded before are skipped.
    """
    reader = _Reader(project, after)
    while True:
        yield from reader.read_new()
        pause()


class _Reader:
    """The position up to which the log was read: the row, the file and the byte."""

    def __init__(self, project: Project, after: int) -> None:
        self._path = project.audit_log
        self._seq = after
        self._file = (0, 0)
        self._position = 0

    def read_new(self) -> Iterator[JournalEntry]:
        try:
            log = self._path.open("rb")
        except FileNotFoundError:
            return
        with log:
            status = os.fstat(log.fileno())
            if (status.st_dev, status.st_ino) != self._file or status.st_size < self._position:
                self._file, self._position = (status.st_dev, status.st_ino), 0
            log.seek(self._position)
            for line in log:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                entry = journal.parse_audit_line(JournalEntry, line, self._path, self._position)
                if entry.seq > self._seq:
                    self._seq = entry.seq
                    yield entry
