"""A file that is there whole, under a name that was free, or not at all."""

import errno
import os
from pathlib import Path

import pytest

from huskies_core.doctor.archive import put_new
from huskies_core.errors import HuskiesError


def no_second_names(*_: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_where_files_have_one_name_only_it_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on FAT, which no test can mount."""
    monkeypatch.setattr(os, "link", no_second_names)
    path = tmp_path / "report"
    put_new(path, b"new")
    with pytest.raises(HuskiesError) as caught:
        put_new(path, b"newer")
    assert (caught.value.code, path.read_bytes(), list(tmp_path.iterdir())) == ("exists", b"new", [path])


@pytest.mark.parametrize("name", ["x" * 300, "/proc/report"])
def test_a_place_that_takes_nothing_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(HuskiesError) as caught:
        put_new(tmp_path / name, b"new")
    assert (caught.value.code, list(tmp_path.iterdir())) == ("not_writable", [])
