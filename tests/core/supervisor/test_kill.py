"""Kills of runs: agents that handle SIGTERM, ignore it or hide, and supervisors that are dead or hang."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from huskies_core.supervisor.kill import KillResult, end_marked_processes, kill_run
from huskies_core.supervisor.processes import find_process, marked_processes
from huskies_core.supervisor.records import ShimRecord
from huskies_core.supervisor.run_directory import RunDirectory, is_alive, take_lock
from support.agents.runs import Runs
from support.waiting import wait_for_file, wait_until

KEEP_STOPPED = """
import os, signal, sys
pid = int(sys.argv[1])
os.kill(pid, signal.SIGSTOP)
print("stopped", flush=True)
try:
    while True:
        os.kill(pid, signal.SIGSTOP)
except ProcessLookupError:
    pass
"""
INTENT = {"outcome": "stopped", "event": "freeze"}
linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="parent-death signals and orphans are Linux's"
)


def started(runs: Runs, *script: str) -> tuple[RunDirectory, int]:
    """Return a run and the pid of its agent, which has finished its script and hangs."""
    ready = runs.root / "ready"
    directory = runs.start(runs.step(*script, f"pid={ready}", "hang"))
    return directory, int(wait_for_file(ready))


def shim_of(directory: RunDirectory) -> ShimRecord:
    shim = directory.read_shim()
    assert shim is not None
    return shim


def test_an_agent_that_handles_sigterm_ends_at_once(runs: Runs) -> None:
    directory, agent = started(runs)
    began = time.monotonic()
    result = kill_run(directory, INTENT)
    ended = directory.read_exit()
    assert ended is not None
    assert (result.ended, result.survivors, is_alive(directory), find_process(agent)) == (
        True,
        (),
        False,
        None,
    )
    assert (ended.stopped, directory.read_kill(), time.monotonic() - began < 2) == (True, INTENT, True)


def test_an_agent_that_ignores_sigterm_is_killed_within_five_seconds(runs: Runs) -> None:
    directory, agent = started(runs, "ignore=SIGTERM")
    began = time.monotonic()
    result = kill_run(directory, INTENT)
    seconds = time.monotonic() - began
    ended = directory.read_exit()
    assert ended is not None
    assert (result.ended, find_process(agent), ended.steps[0].signal) == (True, None, signal.SIGKILL)
    assert 2 <= seconds < 5


@linux_only
def test_processes_in_other_sessions_are_killed_too(runs: Runs) -> None:
    marked, cleared = runs.root / "marked", runs.root / "cleared"
    directory, _ = started(runs, f"hide={marked}", f"hide-clear={cleared}")
    assert kill_run(directory, INTENT).ended
    assert [find_process(int(file.read_text())) for file in (marked, cleared)] == [None, None]


def test_killing_again_changes_nothing(runs: Runs) -> None:
    directory, _ = started(runs)
    kill_run(directory, INTENT)
    end = Path(directory.exit).read_bytes()
    again = kill_run(directory, INTENT)
    assert (again.ended, Path(directory.exit).read_bytes()) == (True, end)


@linux_only
def test_a_shim_that_hangs_is_killed_with_its_processes(runs: Runs) -> None:
    cleared = runs.root / "cleared"
    directory, agent = started(runs, f"hide-clear={cleared}")
    shim = shim_of(directory)
    began = time.monotonic()
    with kept_stopped(shim.pid):
        result = kill_run(directory, INTENT)
    assert (result.ended, time.monotonic() - began < 30) == (True, True)
    assert [find_process(pid) for pid in (shim.pid, agent, int(cleared.read_text()))] == [None, None, None]
    assert directory.read_exit() is None


@contextmanager
def kept_stopped(pid: int) -> Iterator[None]:
    """Stop a supervisor again whenever it is continued, until it is dead."""
    with subprocess.Popen([sys.executable, "-c", KEEP_STOPPED, str(pid)], stdout=subprocess.PIPE) as stopper:
        assert stopper.stdout is not None
        stopper.stdout.readline()
        yield


@linux_only
def test_the_agent_dies_with_its_killed_shim_and_the_rest_is_found_by_mark(runs: Runs) -> None:
    hidden = runs.root / "hidden"
    directory, agent = started(runs, "ignore=SIGTERM", f"hide={hidden}")
    os.kill(shim_of(directory).pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(directory) and find_process(agent) is None)
    marked = [process.pid for process in marked_processes(directory.run_id, str(runs.root))]
    result = end_marked_processes(directory.run_id, str(runs.root))
    assert (marked, result.ended, result.survivors) == ([int(hidden.read_text())], True, ())
    assert (find_process(marked[0]), directory.read_exit()) == (None, None)


def test_a_run_of_the_same_number_in_another_project_is_left_alone(runs: Runs, tmp_path: Path) -> None:
    other = Runs(tmp_path.resolve() / "other")
    other.root.mkdir()
    directory, _ = started(runs)
    elsewhere, agent = started(other)
    assert kill_run(directory, INTENT).ended
    assert (is_alive(elsewhere), find_process(agent) is not None) == (True, True)
    assert kill_run(elsewhere, INTENT).ended


def test_a_shim_that_became_advance_may_finish(runs: Runs) -> None:
    begun, advanced = runs.root / "begun", runs.root / "advanced"
    runs.advance = ("sh", "-c", f"touch {begun}; sleep 0.3; echo yes > {advanced}")
    directory = runs.start(runs.step())
    wait_until(begun.exists)
    assert (kill_run(directory, INTENT).ended, advanced.read_text()) == (True, "yes\n")


def test_an_advance_that_hangs_is_killed(runs: Runs) -> None:
    begun = runs.root / "begun"
    runs.advance = ("sh", "-c", f"touch {begun}; exec sleep 60")
    directory = runs.start(runs.step())
    wait_until(begun.exists)
    assert (kill_run(directory, INTENT).ended, is_alive(directory)) == (True, False)


def test_a_later_process_of_the_shims_pid_is_not_touched(runs: Runs) -> None:
    directory, _ = started(runs)
    kill_run(directory, INTENT)
    # Signalled in place of the supervisor, this test would not survive.
    Path(directory.shim).write_text(f'{{"pid": {os.getpid()}, "started": 1.0, "detached": "session"}}')
    holder = os.open(directory.lock, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    result = kill_run(directory, INTENT)
    os.close(holder)
    assert result.ended is False


def test_a_kill_waits_for_the_pass_that_records_the_end(runs: Runs) -> None:
    """A pass has the lock of a dead run while it records the end."""
    directory, _ = runs.finish(runs.step("say=done"))
    lock = take_lock(directory)
    assert lock is not None
    recorded = Timer(0.3, os.close, (lock,))
    recorded.start()
    result = kill_run(directory, INTENT)
    recorded.join()
    assert result == KillResult(ended=True, survivors=())


@pytest.mark.parametrize("name", ["spec.json", "shim.json"])
def test_a_run_with_a_damaged_record_is_killed(runs: Runs, name: str) -> None:
    directory, agent = started(runs)
    Path(directory.path, name).write_bytes(b"{")
    result = kill_run(directory, INTENT)
    assert (result.ended, find_process(agent), is_alive(directory)) == (True, None, False)
