"""Holders of a lock, found without a probe."""

import sys
from pathlib import Path

import pytest

from huskies_core.supervisor.processes import find_holder, is_lock_held, stays_locked
from support.locks import locked_elsewhere


@pytest.mark.usefixtures("processes")
def test_the_holder_is_found_while_it_has_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    with locked_elsewhere(lock, tmp_path / "held") as pid:
        holder = find_holder(lock)
        locked = is_lock_held(lock), stays_locked(lock, 0.1)
    assert (locked, is_lock_held(lock), stays_locked(lock, 0.1)) == ((True, True), False, False)
    if sys.platform == "linux":
        assert holder is not None
        assert (holder.pid, find_holder(lock)) == (pid, None)


def test_a_missing_lock_file_is_free(tmp_path: Path) -> None:
    assert (is_lock_held(tmp_path / "none"), find_holder(tmp_path / "none")) == (False, None)
