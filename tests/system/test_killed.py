"""`kill -9` of an agent, of its supervisor, and of each command at any effect: ticks complete the work.

`HUSKIES_KILL_EVERYWHERE=1` in the environment of pytest kills at each effect of a command instead of some of them.
"""

import os
import signal
from pathlib import Path

import pytest

from huskies_core.store.runs import Outcome
from support.cli import start_huskies
from support.waiting import wait_for_file, wait_until
from system.killing import MortalPython, assert_all_landed, is_running
from system.project import MakePipeline, Pipeline, Team

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

MOST_OF_ADVANCE, MOST_OF_SHIM = 56, 15
"""The approximate numbers of effects."""
EVERYWHERE = "HUSKIES_KILL_EVERYWHERE" in os.environ
HALF_DONE = ("write=first.txt:committed", "commit=first", "write=second.txt:not committed")
THE_REST = ("write=third.txt:last", "commit=the rest")
ALL_FILES = {"first.txt": "committed", "second.txt": "not committed", "third.txt": "last"}

OFTEN = "[watcher]\nreconcile_interval_secs = 1\nwatchdog_interval_secs = 1\n"


@pytest.fixture
def quick(make_pipeline: MakePipeline) -> Pipeline:
    """Return a project without gates and with the shortest intervals, so that each tick runs many passes."""
    return make_pipeline(team=Team(coder=2), settings=OFTEN, gates={})


@pytest.fixture
def mortal(quick: Pipeline, tmp_path: Path) -> MortalPython:
    return MortalPython(tmp_path.resolve() / "python", quick.root)


@pytest.mark.parametrize("victim", ["agent", "supervisor", "both"])
def test_the_work_of_a_killed_agent_is_continued(pipeline: Pipeline, tmp_path: Path, victim: str) -> None:
    pid_file = tmp_path / "pid"
    story = pipeline.add((*HALF_DONE, f"pid={pid_file}", "hang"), THE_REST)
    pipeline.huskies("auto-assign")
    agent = int(wait_for_file(pid_file, 30))
    shim = pipeline.directory(pipeline.live_runs()[0].id).read_shim()
    assert shim is not None
    for pid in {"agent": (agent,), "supervisor": (shim.pid,), "both": (shim.pid, agent)}[victim]:
        os.kill(pid, signal.SIGKILL)
    pipeline.huskies("reconcile")
    with pipeline.ticking():
        pipeline.wait_for(story)
    assert_all_landed(pipeline, story, files=ALL_FILES)
    assert (pipeline.runs(story)[0].outcome, is_running(agent)) == (Outcome.CRASHED, False)


def test_the_work_of_a_killed_agent_of_an_abandoned_story_is_rescued(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    story = pipeline.add((*HALF_DONE, f"pid={pid_file}", "hang"))
    pipeline.huskies("auto-assign")
    agent = int(wait_for_file(pid_file, 30))
    shim = pipeline.directory(pipeline.live_runs()[0].id).read_shim()
    assert shim is not None
    os.kill(shim.pid, signal.SIGKILL)
    assert pipeline.huskies("abandon", str(story), "--reason", "not wanted").exit_code == 0
    with pipeline.ticking():
        pipeline.wait_until(
            lambda: not pipeline.project.worktree(story).exists(), what="the worktree's removal"
        )
        pipeline.wait_until_idle()
    ref = pipeline.repository.git("for-each-ref", "--format=%(refname)", f"refs/huskies/rescue/{story}")
    kept = {path: pipeline.repository.read(path, ref) for path in ("first.txt", "second.txt")}
    assert (kept, is_running(agent)) == ({"first.txt": "committed", "second.txt": "not committed"}, False)
    assert_all_landed(pipeline)


@pytest.mark.parametrize("command", ["auto-assign", "tick", "reconcile"])
def test_a_command_killed_at_any_effect_is_completed_later(
    quick: Pipeline, mortal: MortalPython, command: str
) -> None:
    """Each kill has a new story, because the effects of a command depend on the state."""
    longest, stories = rehearse(quick, mortal, command)
    for at in chosen(longest, 4):
        stories.append(quick.add())
        order = mortal.order(command, at=at)
        assert mortal.huskies(command).exit_code in (-signal.SIGKILL, 0)
        assert order.is_taken
        mortal.reconcile_and_tick(quick, stories[-1])
    mortal.tick_until_tidy(quick)
    assert_all_landed(quick, *stories)


def rehearse(pipeline: Pipeline, mortal: MortalPython, command: str) -> tuple[int, list[int]]:
    """Return the number of effects of the command on a new story without a kill."""
    story, order = pipeline.add(), mortal.order(command)
    mortal.huskies(command)
    mortal.reconcile_and_tick(pipeline, story)
    return len(order.effects), [story]


def chosen(longest: int, count: int) -> list[int]:
    """Return numbers of effects: all, or `count` evenly distributed ones."""
    if EVERYWHERE or longest <= count:
        return list(range(1, longest + 1))
    return [1 + round(step * (longest - 1) / (count - 1)) for step in range(count)]


def test_an_advance_killed_at_any_effect_is_completed_later(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    """The kill is before or after the record of the end, for each of the three runs of a story."""
    pipeline = make_pipeline(team=Team(coder=3), settings=OFTEN)
    mortal = MortalPython(tmp_path.resolve() / "python", pipeline.root)
    orders = [mortal.order("advance", at=at) for at in chosen(MOST_OF_ADVANCE, 9)]
    stories = [pipeline.add() for _ in range(-(-len(orders) // 3))]
    mortal.reconcile_and_tick(pipeline, *stories, timeout=600)
    assert [order for order in orders if not order.is_taken] == []
    mortal.tick_until_tidy(pipeline)
    assert_all_landed(pipeline, *stories)


def test_a_supervisor_killed_at_any_effect_is_followed_by_another(
    quick: Pipeline, mortal: MortalPython
) -> None:
    stories: list[int] = []
    for at in chosen(MOST_OF_SHIM, 5):
        order = mortal.order("shim", at=at)
        stories.append(quick.add())
        mortal.reconcile_and_tick(quick, stories[-1])
        assert order.is_taken
    mortal.tick_until_tidy(quick)
    assert_all_landed(quick, *stories)


def test_only_one_advance_of_a_run_has_an_effect(quick: Pipeline, mortal: MortalPython) -> None:
    """Run two at once before the end is recorded, then two more in a row."""
    order = mortal.order("advance", at=1)
    story = quick.add()
    mortal.huskies("auto-assign")
    wait_until(lambda: order.effects, 30, what="the death of the advance")
    (run,) = quick.live_runs()
    wait_until(lambda: run.id not in quick.locked_runs(), 10, what="the run's lock")
    both = [start_huskies("advance", str(run.id), cwd=quick.root) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert all(process.returncode in (0, 1) for process in both), outputs
    quick.wait_for(story)
    assert_all_landed(quick, story)
    before = len(quick.journal())
    again = [quick.huskies("advance", str(run.id)).exit_code for _ in range(2)]
    ends = [row.detail["run"] for row in quick.journal() if row.event == "run_ended"]
    assert (again, len(quick.journal()), sorted(ends)) == ([0, 0], before, sorted(set(ends)))
