"""What is left of runs: in the store, on the disk, among the processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.runs import look_at_runs
from huskies_core.store import runs
from huskies_core.store.runs import Claim, Outcome, RunKind
from huskies_core.supervisor.liveness import take_lock
from huskies_core.supervisor.run_directory import RunDirectory
from support.checks import age, fixed, seen
from support.stories import add_story, load_story


def claim(context: Context) -> int:
    """A run that is recorded and that nobody supervises."""
    story = add_story(context.store).id
    with context.store.exclusive() as db:
        wanted = Claim(story, RunKind.CODER, load_story(context.store, story).visit, agent="ann")
        return runs.claim(db, wanted, actor="user:ada", now=context.now()).id


def test_the_end_of_a_dead_run_is_recorded(context: Context) -> None:
    run = claim(context)
    assert seen(look_at_runs, context) == {"runs": f"run {run}: its supervisor is dead"}
    assert fixed(context) == {"runs": "recorded the end of 1 run"}
    with context.store.reading() as db:
        assert runs.load(db, run).outcome is Outcome.CRASHED
    assert (fixed(context), seen(look_at_runs, context)) == ({}, {})


def test_folders_of_no_run_are_named_and_stay(context: Context) -> None:
    directory = RunDirectory(context.project.run_dir(7))
    lock = take_lock(directory)
    assert lock is not None
    assert seen(look_at_runs, context) == {}
    age(Path(directory.path), context.now(), minutes=5)
    at_work = seen(look_at_runs, context)
    os.close(lock)
    assert at_work == {"run folders": "at work, and no run of this store: 7"}
    assert seen(look_at_runs, context) == {"run folders": "of no run of this store: 7"}
    assert (fixed(context), Path(directory.path).is_dir()) == ({}, True)


@pytest.mark.usefixtures("processes")
def test_processes_with_the_mark_of_a_run_that_ended_are_named_and_live_on(context: Context) -> None:
    run = claim(context)
    mark = {"HUSKIES_RUN_ID": str(run), "HUSKIES_PROJECT": str(context.project.root)}
    argv = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(argv, env={**os.environ, **mark}, stdin=subprocess.PIPE) as process:
        assert "processes" not in seen(look_at_runs, context)
        with context.store.exclusive() as db:
            runs.end(db, run, runs.Report(Outcome.COMPLETED), actor="user:ada", now=context.now())
        found = [one for one in look_at_runs(context) if one.problem]
        assert (fixed(context), process.poll()) == ({}, None)
        process.communicate()
    assert [
        (one.name, f"{process.pid} " in one.problem, f"'kill {process.pid}'" in one.fix) for one in found
    ] == [("processes", True, True)]
    assert seen(look_at_runs, context) == {}
