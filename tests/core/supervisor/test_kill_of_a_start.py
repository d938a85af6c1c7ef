"""A run that is killed while it is being prepared never begins."""

import os
import threading

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.supervisor.kill import KillResult, kill_run
from huskies_core.supervisor.launch import launch
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.agents.runs import NO_LIMITS, Runs
from support.waiting import wait_until

STOP = {"outcome": "stopped"}


def test_a_run_killed_while_it_is_prepared_never_begins(runs: Runs) -> None:
    directory = runs.directory(1)
    lock = take_lock(directory)
    assert lock is not None
    results: list[KillResult] = []
    killer = threading.Thread(target=lambda: results.append(kill_run(directory, STOP)))
    killer.start()
    wait_until(lambda: os.path.exists(directory.kill))
    with pytest.raises(HuskiesError, match="stopped before it began"):
        start(runs, directory, lock)
    os.close(lock)
    killer.join()
    assert (results, os.path.exists(directory.output)) == ([KillResult(ended=True, survivors=())], False)


def test_a_slow_start_has_not_ended_and_still_never_begins(runs: Runs) -> None:
    directory = runs.directory(1)
    lock = take_lock(directory)
    assert lock is not None
    assert kill_run(directory, STOP) == KillResult(ended=False, survivors=())
    with pytest.raises(HuskiesError, match="stopped before it began"):
        start(runs, directory, lock)
    os.close(lock)


def test_a_start_that_died_has_ended(runs: Runs) -> None:
    directory = runs.directory(1)
    lock = take_lock(directory)
    assert lock is not None
    os.close(lock)
    assert kill_run(directory, STOP) == KillResult(ended=True, survivors=())


def test_a_run_without_a_folder_is_an_error(runs: Runs) -> None:
    with pytest.raises(HuskiesError, match=r"spec\.json is missing"):
        kill_run(runs.directory(7), STOP)


def start(runs: Runs, directory: RunDirectory, lock: int) -> None:
    spec = runs.spec(directory, (runs.step("say=begun"),), NO_LIMITS)
    launch(directory, lock, spec, shim_env=runs.shim_env)
