"""Splitting of arbitrary output into lines."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huskies_core.runtimes.command import CommandReader
from huskies_core.supervisor.progress import LINE_BYTES, LineFeed, OutputLog


class Lines(CommandReader):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[bytes] = []

    def feed(self, line: bytes) -> None:
        self.lines.append(line)


def cut(chunks: list[bytes]) -> list[bytes]:
    reader = Lines()
    feed = LineFeed(reader)
    for chunk in chunks:
        feed.add(chunk)
    feed.end()
    return reader.lines


@given(st.lists(st.binary(max_size=12)))
def test_lines_do_not_depend_on_how_they_arrive(chunks: list[bytes]) -> None:
    assert cut(chunks) == [line for line in b"".join(chunks).split(b"\n") if line]


def test_a_line_too_long_is_cut_and_the_next_one_is_whole() -> None:
    assert cut([b"x" * LINE_BYTES, b"y" * LINE_BYTES, b"y\nnext\n"]) == [b"x" * LINE_BYTES, b"next"]


def test_a_log_is_appended_to_and_measured(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_bytes(b"before\n")
    log = OutputLog(str(path))
    log.write(b"after\n")
    assert (log.size, log.lost, path.read_bytes()) == (13, 0, b"before\nafter\n")


@pytest.mark.skipif(sys.platform != "linux", reason="no /dev/full")
def test_bytes_that_do_not_fit_on_the_disk_are_counted() -> None:
    log = OutputLog("/dev/full")
    log.write(b"lost")
    assert (log.size, log.lost) == (0, 4)
