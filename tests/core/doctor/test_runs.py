"""Rows, folders and processes that runs left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.processes import check_runs
from huskies_core.ids import RunId
from huskies_core.store import runs
from huskies_core.store.runs import Outcome, RunClaim, RunKind
from huskies_core.supervisor.run_directory import RunDirectory, take_lock
from support.checks import age, fixed, problems_of
from support.stories import add_story, load_story


def claim(context: Context) -> int:
    """Record a run without a supervisor."""
    story = add_story(context.store).id
    with context.store.exclusive() as db:
        request = RunClaim(story, RunKind.CODER, load_story(context.store, story).visit, agent="ann")
        return runs.claim(db, request, actor="user:ada", now=context.now()).id


def test_the_end_of_a_dead_run_is_recorded(context: Context) -> None:
    run = claim(context)
    assert problems_of(check_runs, context) == {"runs": f"run {run}: its supervisor is dead"}
    assert fixed(context) == {"runs": "recorded the end of 1 run"}
    with context.store.reading() as db:
        assert runs.load(db, RunId(run)).outcome is Outcome.CRASHED
    assert (fixed(context), problems_of(check_runs, context)) == ({}, {})


def test_folders_without_a_run_are_named_and_kept(context: Context) -> None:
    directory = RunDirectory(context.project.run_dir(7))
    lock = take_lock(directory)
    assert lock is not None
    assert problems_of(check_runs, context) == {}
    age(Path(directory.path), context.now(), minutes=5)
    active = problems_of(check_runs, context)
    os.close(lock)
    assert active == {"run folders": "active, but the store has no such run: 7"}
    assert problems_of(check_runs, context) == {
        "run folders": "the store has no run for these folders of .huskies/runs: 7"
    }
    assert (fixed(context), Path(directory.path).is_dir()) == ({}, True)


@pytest.mark.usefixtures("processes")
def test_processes_of_an_ended_run_are_named_and_not_killed(context: Context) -> None:
    run = claim(context)
    mark = {"HUSKIES_RUN_ID": str(run), "HUSKIES_PROJECT": str(context.project.root)}
    argv = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(argv, env={**os.environ, **mark}, stdin=subprocess.PIPE) as process:
        assert "processes" not in problems_of(check_runs, context)
        with context.store.exclusive() as db:
            runs.end(db, RunId(run), runs.Report(Outcome.COMPLETED), actor="user:ada", now=context.now())
        checks = [check for check in check_runs(context) if check.problem]
        assert (fixed(context), process.poll()) == ({}, None)
        process.communicate()
    assert [
        (check.name, f"{process.pid} " in check.problem, f"'kill {process.pid}'" in check.fix)
        for check in checks
    ] == [("processes", True, True)]
    assert problems_of(check_runs, context) == {}
