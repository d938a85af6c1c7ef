"""Launches of runs, also failing ones and with a launcher that dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.supervisor.launch import launch
from huskies_core.supervisor.processes import find_process
from huskies_core.supervisor.run_directory import is_alive, take_lock
from support.agents.runs import NO_LIMITS, Runs, end_of
from support.waiting import wait_for_file, wait_until

LAUNCHER = """
import os, sys
from pathlib import Path
from support.agents.runs import NO_LIMITS, Runs
runs = Runs(Path(sys.argv[1]))
directory = runs.start(runs.step("pid=" + sys.argv[1] + "/agent", "wait=" + sys.argv[1] + "/go"))
print(directory.read_shim().pid, flush=True)
sys.stdin.read()
"""


def failing(runs: Runs) -> HuskiesError:
    """Return the error of a launch that fails. The run is dead afterwards."""
    directory = runs.directory(1)
    lock = take_lock(directory)
    assert lock is not None
    spec = runs.spec(directory, (runs.step("say=never"),), NO_LIMITS)
    with pytest.raises(HuskiesError) as caught:
        launch(directory, lock, spec, shim_env=runs.shim_env)
    os.close(lock)
    wait_until(lambda: not is_alive(directory))
    assert not Path(directory.output).exists() or not os.path.getsize(directory.output)
    return caught.value


def test_an_unknown_reader_fails_the_launch_with_a_message(runs: Runs) -> None:
    runs.reader = "no_such_reader"
    error = failing(runs)
    assert (error.code, error.message) == (
        "launch_failed",
        "the run's supervisor did not start: ModuleNotFoundError: No module named 'no_such_reader'",
    )


def test_a_full_disk_fails_the_launch(runs: Runs) -> None:
    directory = runs.directory(1)
    os.makedirs(directory.path)
    os.symlink("/dev/full", f"{directory.exit}.reserved")
    assert "No space left on device" in failing(runs).message


def test_a_shim_is_no_child_of_its_launcher_and_has_no_terminal(runs: Runs) -> None:
    go = runs.root / "go"
    directory = runs.start(runs.step(f"wait={go}"))
    shim = directory.read_shim()
    assert shim is not None
    process = find_process(shim.pid)
    assert process is not None
    assert process.ppid != os.getpid()
    assert os.getsid(shim.pid) not in (os.getsid(0), shim.pid)
    go.touch()
    end_of(directory)


def test_a_run_outlives_a_launcher_killed_with_its_whole_group(runs: Runs) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(runs.root)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with launcher:
        wait_for_file(runs.root / "agent")
        os.killpg(launcher.pid, signal.SIGKILL)
    directory = runs.directory(1)
    assert is_alive(directory)
    (runs.root / "go").touch()
    assert end_of(directory).steps[0].passed


def test_runs_launched_in_parallel_do_not_inherit_each_others_lock(runs: Runs) -> None:
    go = runs.root / "go"
    lasting = runs.start(runs.step(f"wait={go}"))
    short = runs.start(runs.step())
    end_of(short)
    assert (is_alive(short), is_alive(lasting)) == (False, True)
    go.touch()
    end_of(lasting)
