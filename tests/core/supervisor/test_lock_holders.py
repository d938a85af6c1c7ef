"""Who holds a lock, told without keeping anybody from taking it."""

import sys
from pathlib import Path

import pytest

from huskies_core.supervisor.lock_holders import find_holder, is_lock_held, stays_locked
from support.locks import held


@pytest.mark.usefixtures("processes")
def test_the_holder_is_told_as_long_as_it_holds(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    with held(lock, tmp_path / "held") as pid:
        holder = find_holder(lock)
        seen = is_lock_held(lock), stays_locked(lock, 0.1)
    assert (seen, is_lock_held(lock), stays_locked(lock, 0.1)) == ((True, True), False, False)
    if sys.platform == "linux":
        assert holder is not None
        assert (holder.pid, find_holder(lock)) == (pid, None)


def test_a_lock_that_never_was_is_free(tmp_path: Path) -> None:
    assert (is_lock_held(tmp_path / "none"), find_holder(tmp_path / "none")) == (False, None)
