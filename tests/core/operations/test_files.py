"""Atomic writes of files, and paths that are no regular file."""

import os
import stat
from pathlib import Path

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.operations.files import write_whole


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.touch(0o640)
    link.symlink_to(file)
    write_whole(link, "text")
    result = (link.is_symlink(), file.read_text(), stat.S_IMODE(file.stat().st_mode))
    assert (result, len(os.listdir(tmp_path))) == ((True, "text", 0o640), 2)


def test_a_path_that_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    """A masked unit, for example, is a link to /dev/null."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path, result in (
        (pipe, str(pipe)),
        (link, f"{link} is a link to {pipe}, which"),
        (tmp_path, str(tmp_path)),
    ):
        with pytest.raises(HuskiesError) as caught:
            write_whole(path, "text")
        assert (caught.value.code, caught.value.message) == ("not_a_file", f"{result} is not a regular file")
    assert (pipe.is_fifo(), len(os.listdir(tmp_path))) == (True, 2)
