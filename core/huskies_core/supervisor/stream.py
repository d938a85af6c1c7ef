"""Output of a run: all bytes go to the log, and lines of it to a reader that counts."""

import os

from huskies_core.runtimes.runtime import Reader

LINE_BYTES = 1 << 20
_PIECE = 1 << 20


class OutputLog:
    """Appends to a file, and continues when the disk is full. `lost` counts the bytes that did not fit."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._descriptor).st_size
        self.lost = 0

    def write(self, data: bytes) -> None:
        while data:
            try:
                written = os.write(self._descriptor, data)
            except OSError:
                self.lost += len(data)
                return
            self.size += written
            data = data[written:]


class LineFeed:
    """Splits a stream into lines for a reader. Of a longer line it keeps the first LINE_BYTES."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._line = bytearray()

    def add(self, data: bytes) -> None:
        *pieces, rest = data.split(b"\n")
        for piece in pieces:
            self._append(piece)
            self.end()
        self._append(rest)

    def end(self) -> None:
        """Feed the current line to the reader as if its newline had come."""
        if self._line:
            self._reader.feed(bytes(self._line))
            self._line = bytearray()

    def _append(self, piece: bytes) -> None:
        self._line += piece[: LINE_BYTES - len(self._line)]


def read_output(path: str | os.PathLike[str], reader: Reader) -> None:
    """Feed a whole log to a reader, in pieces. Raise FileNotFoundError if it does not exist."""
    feed = LineFeed(reader)
    with open(path, "rb") as log:
        while piece := log.read(_PIECE):
            feed.add(piece)
    feed.end()
