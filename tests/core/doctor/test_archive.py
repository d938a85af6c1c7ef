"""A file is written completely under a new name, or not at all."""

import errno
import os
from pathlib import Path

import pytest

from huskies_core.doctor.bundle import put_new
from huskies_core.errors import HuskiesError


def no_hard_links(*_: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_file_system_without_hard_links_is_supported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT lacks them, but a test cannot mount it."""
    monkeypatch.setattr(os, "link", no_hard_links)
    path = tmp_path / "report"
    put_new(path, b"new")
    with pytest.raises(HuskiesError) as caught:
        put_new(path, b"newer")
    assert (caught.value.code, path.read_bytes(), list(tmp_path.iterdir())) == ("exists", b"new", [path])


@pytest.mark.parametrize("name", ["x" * 300, "/proc/report"])
def test_a_path_that_is_not_writable_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(HuskiesError) as caught:
        put_new(tmp_path / name, b"new")
    assert (caught.value.code, list(tmp_path.iterdir())) == ("not_writable", [])
