"""The lock of a run, taken and probed by real processes at once."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from huskies_core.supervisor.run_directory import RunDirectory, adopt_lock, is_alive, take_lock
from support.waiting import wait_until

HOLD = """
import sys
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.run_directory import take_lock
start = sys.stdin.readline()
print(take_lock(RunDirectory(sys.argv[1])) is not None, flush=True)
sys.stdin.readline()
"""
PROBE = """
import sys
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.run_directory import is_alive
directory = RunDirectory(sys.argv[1])
print("probing", flush=True)
while True:
    is_alive(directory)
"""


def start(code: str, directory: RunDirectory) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code, directory.path], stdin=pipe, stdout=pipe, text=True)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def send_line(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_run_without_a_lock_file_is_dead(tmp_path: Path) -> None:
    assert not is_alive(RunDirectory(tmp_path / "7"))


@pytest.mark.usefixtures("processes")
def test_one_of_many_processes_takes_the_lock_and_its_death_frees_it(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "7")
    takers = [start(HOLD, directory) for _ in range(6)]
    for taker in takers:
        send_line(taker)
    answers = [read_line(taker) for taker in takers]
    assert sorted(answers) == ["False"] * 5 + ["True"]
    assert is_alive(directory)
    takers[answers.index("True")].send_signal(signal.SIGKILL)
    wait_until(lambda: not is_alive(directory))
    for taker in takers:
        taker.communicate()


@contextmanager
def probed(directory: RunDirectory, probes: int) -> Iterator[None]:
    """Let processes probe the free lock of the run for the length of the block."""
    lock = take_lock(directory)
    assert lock is not None
    os.close(lock)
    processes = [start(PROBE, directory) for _ in range(probes)]
    try:
        assert [read_line(process) for process in processes] == ["probing"] * probes
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.usefixtures("processes")
def test_probes_never_look_like_a_holder(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "7")
    with probed(directory, 2):
        for _ in range(200):
            lock = take_lock(directory)
            assert lock is not None
            os.close(lock)


@pytest.mark.usefixtures("processes")
def test_two_concurrent_probes_both_find_a_dead_run_dead(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "7")
    with probed(directory, 1):
        assert not any(is_alive(directory) for _ in range(1000))


def test_a_probe_that_does_not_end_delays_a_taker_without_load(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "7")
    lock = take_lock(directory)
    assert lock is not None
    fcntl.flock(lock, fcntl.LOCK_SH)
    began, busy = time.monotonic(), time.process_time()
    taken = take_lock(directory)
    waited, busy = time.monotonic() - began, time.process_time() - busy
    os.close(lock)
    assert (taken, waited > 0.1, busy < waited / 2) == (None, True, True)


def test_the_lock_of_a_live_run_cannot_be_taken(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "7")
    lock = take_lock(directory)
    assert lock is not None
    assert (is_alive(directory), take_lock(directory)) == (True, None)
    os.close(lock)
    assert not is_alive(directory)


def test_advance_adopts_only_the_lock_of_its_run(tmp_path: Path) -> None:
    mine, other = RunDirectory(tmp_path / "7"), RunDirectory(tmp_path / "8")
    lock = take_lock(mine)
    assert lock is not None
    fcntl.fcntl(lock, fcntl.F_SETFD, 0)
    take = {"HUSKIES_RUN_LOCK_FD": str(lock)}
    assert (adopt_lock(other, take), os.get_inheritable(lock)) == (None, True)
    assert (adopt_lock(mine, take), os.get_inheritable(lock)) == (lock, False)
    assert [adopt_lock(mine, {"HUSKIES_RUN_LOCK_FD": bad}) for bad in ("", "x", "-1", "999")] == [None] * 4
    assert adopt_lock(mine, {}) is None
    os.close(lock)
