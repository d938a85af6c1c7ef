"""Agents that ignore signals, stories that move during a run, signals to all processes, and a power cut."""

import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from huskies_core.ids import StoryId
from huskies_core.pipeline.stages import StageName
from huskies_core.store.runs import Outcome
from support.cli import start_huskies
from support.waiting import wait_for_file, wait_until
from system.killing import (
    MortalPython,
    assert_all_landed,
    is_running,
    kill_all_at_once,
    processes_at_work,
    signal_all,
)
from system.project import WORK, MakePipeline, Pipeline, Team

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

STUBBORN = ("ignore=SIGTERM", "ignore=SIGHUP", "write=work.txt:kept")
HIDING = ("hide", "hide-clear") if sys.platform == "linux" else ("hide",)
"""Only on Linux a supervisor adopts processes that left its session and cleared their environment."""
LEAVING = [
    (("abandon", "--reason", "no"), StageName.ABANDONED),
    (("block", "--reason", "no"), StageName.BLOCKED),
    (("demote",), StageName.BACKLOG),
]


def started(pipeline: Pipeline, pids: Path, *steps: str) -> tuple[int, tuple[int, ...]]:
    """Start a story whose agent does `steps` and hangs. Return the story and the pids of the agent and its children."""
    pids.mkdir()
    hiding = [f"{verb}={pids / verb}" for verb in ("hide", "hide-clear") if verb in steps]
    plain = [step for step in steps if step not in ("hide", "hide-clear")]
    story = pipeline.add((*plain, *hiding, f"pid={pids / 'agent'}", "hang"))
    assert pipeline.huskies("auto-assign").exit_code == 0
    wait_for_file(pids / "agent", 30)
    return story, tuple(int(path.read_text()) for path in sorted(pids.iterdir()))


def test_stop_ends_an_agent_and_its_hidden_children_within_5_s(pipeline: Pipeline, tmp_path: Path) -> None:
    """One child has its own session; another forked twice and cleared its environment."""
    story, pids = started(pipeline, tmp_path / "pids", *STUBBORN, *HIDING)
    began = time.monotonic()
    stopped = pipeline.huskies("agent", "stop", str(story))
    took = time.monotonic() - began
    alive = [pid for pid in pids if is_running(pid)]
    assert (stopped.exit_code, len(pids), alive, took < 5) == (0, 1 + len(HIDING), [], True), (stopped, took)
    (run,) = pipeline.runs(story)
    kept = (pipeline.project.worktree(story) / "work.txt").read_text()
    result = (pipeline.story(story).stage.name, run.outcome, kept, pipeline.locked_runs())
    assert result == (StageName.FROZEN, Outcome.STOPPED, "kept", [])
    assert [pipeline.huskies("tick").exit_code for _ in range(2)] == [0, 0]
    assert len(pipeline.runs(story)) == 1


@pytest.mark.parametrize(("words", "stage"), LEAVING)
def test_the_run_of_a_story_that_moves_ends_before_its_worktree_is_changed(
    pipeline: Pipeline, tmp_path: Path, words: tuple[str, ...], stage: StageName
) -> None:
    story, pids = started(pipeline, tmp_path / "pids", *STUBBORN, "hide")
    worktree = pipeline.project.worktree(story)
    leaving = start_huskies(words[0], str(story), *words[1:], cwd=pipeline.root)

    def has_moved() -> bool:
        """Return whether the run has ended, after passes that could change the worktree."""
        pipeline.huskies("reconcile")
        pipeline.huskies("tick")
        assert worktree.exists() or not any(map(is_running, pids)), "the worktree went first"
        return leaving.poll() is not None

    wait_until(has_moved, 60, what=words[0])
    pipeline.huskies("reconcile")
    (run,) = pipeline.runs(story)
    result = (pipeline.story(story).stage.name, run.outcome, [pid for pid in pids if is_running(pid)])
    assert result == (stage, Outcome.CANCELLED, [])
    assert kept_work(pipeline, story) == "kept"
    assert_order(pipeline, story)
    assert leaving.communicate()[0].count("Traceback") == 0


def kept_work(pipeline: Pipeline, story: int) -> str:
    """Return the text of the agent from the worktree, else from the rescue."""
    worktree = pipeline.project.worktree(story) / "work.txt"
    if worktree.exists():
        return worktree.read_text()
    ref = pipeline.repository.git("for-each-ref", "--format=%(refname)", f"refs/huskies/rescue/{story}")
    return pipeline.repository.read("work.txt", ref)


def assert_order(pipeline: Pipeline, story: int) -> None:
    """Check that the end of the run was recorded before the removal of the worktree and before any other run."""
    events = [
        row.event
        for row in pipeline.journal(StoryId(story))
        if row.event in ("run_started", "run_ended", "worktree_removed")
    ]
    assert events[:2] == ["run_started", "run_ended"]


@pytest.mark.parametrize("words", [words for words, _ in LEAVING])
def test_a_tick_ends_the_run_if_a_command_was_killed_after_its_event(
    pipeline: Pipeline, tmp_path: Path, words: tuple[str, ...]
) -> None:
    mortal = MortalPython(tmp_path.resolve() / "python", pipeline.root)
    story, pids = started(pipeline, tmp_path / "pids", *STUBBORN)
    mortal.order(words[0], before="kill.json")
    assert mortal.huskies(words[0], str(story), *words[1:]).exit_code == -signal.SIGKILL
    assert all(map(is_running, pids))
    pipeline.huskies("reconcile")
    with pipeline.ticking():
        pipeline.wait_until_idle(60)
    result = ([run.outcome for run in pipeline.runs(story)], [pid for pid in pids if is_running(pid)])
    assert result == ([Outcome.CANCELLED], [])
    assert kept_work(pipeline, story) == "kept"


class Busy:
    """Three coders, the gates of one story and the merge of another, all running until `go_on`."""

    def __init__(self, make_pipeline: MakePipeline, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        mark, hold = (
            f"{folder}/at-$HUSKIES_STAGE-$HUSKIES_STORY_ID",
            f"{folder}/hold-$HUSKIES_STAGE-$HUSKIES_STORY_ID",
        )
        gate = f'touch "{mark}"; n=0; while [ -e "{hold}" ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done'
        settings = "max_coders = 5\n[watcher]\nreconcile_interval_secs = 1\nwatchdog_interval_secs = 1\n"
        self.pipeline = make_pipeline(
            team=Team(coder=5), settings=settings, gates={"held": ("sh", "-c", gate)}
        )
        self._begin()

    def _begin(self) -> None:
        """Land a story first, so that the other merge has a new tree and runs the gates."""
        pipeline, go = self.pipeline, self._folder / "go"
        first, merging, gating = (
            pipeline.add(),
            pipeline.add((f"wait={go}", *WORK)),
            pipeline.add((f"wait={go}", *WORK)),
        )
        self._holds = [self._folder / f"hold-merge-{merging}", self._folder / f"hold-gates-{gating}"]
        for hold in self._holds:
            hold.touch()
        pipeline.huskies("auto-assign")
        pipeline.wait_for(first)
        halves = ("write=story-$HUSKIES_STORY_ID.txt:done", f"wait={self._folder / 'go-on'}", "commit=work")
        coding = [pipeline.add(halves) for _ in range(3)]
        go.touch()
        pipeline.huskies("auto-assign")
        self.stories = (first, merging, gating, *coding)
        started_files = [self._folder / hold.name.replace("hold", "at") for hold in self._holds]
        pipeline.wait_until(lambda: all(path.exists() for path in started_files), 60, what="gates at work")
        halves_at = [pipeline.project.worktree(story) / f"story-{story}.txt" for story in coding]
        pipeline.wait_until(lambda: all(path.exists() for path in halves_at), 60, what="coders at work")

    def go_on(self) -> None:
        for hold in self._holds:
            hold.unlink()
        (self._folder / "go-on").touch()


@pytest.fixture
def busy(make_pipeline: MakePipeline, tmp_path: Path) -> Busy:
    return Busy(make_pipeline, tmp_path.resolve() / "busy")


def test_after_a_power_cut_ticks_complete_each_story(busy: Busy) -> None:
    pipeline = busy.pipeline
    kinds = sorted(run.kind.value for run in pipeline.live_runs())
    assert (kinds, kill_all_at_once(pipeline.root) >= 11) == (
        ["coder", "coder", "coder", "gates", "merge"],
        True,
    )
    assert (pipeline.locked_runs(), processes_at_work(pipeline.root)) == ([], [])
    busy.go_on()
    with pipeline.ticking():
        pipeline.wait_for(*busy.stories, timeout=120)
        assert_all_landed(pipeline, *busy.stories)
    assert sum(run.outcome is Outcome.CRASHED for run in pipeline.runs()) == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_all_stories_end_after_a_signal_to_all_processes(busy: Busy, number: signal.Signals) -> None:
    pipeline = busy.pipeline
    signal_all(processes_at_work(pipeline.root), number)
    busy.go_on()
    with pipeline.ticking():
        pipeline.wait_for(*busy.stories, timeout=120)
        assert_all_landed(pipeline, *busy.stories)


def merges(process: psutil.Process) -> bool:
    """Return whether the process is a merge. A process may have ended since it was listed."""
    try:
        return "huskies_core.merge.process" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def test_a_tick_ends_a_gate_that_outlives_its_merge_and_supervisor(busy: Busy) -> None:
    pipeline = busy.pipeline
    (merge,) = (process for process in processes_at_work(pipeline.root) if merges(process))
    (gate,) = merge.children()
    signal_all([parent for parent in (merge.parent(), merge) if parent is not None], signal.SIGKILL)
    wait_until(lambda: not is_running(merge.pid), what="the end of the merge")
    assert is_running(gate.pid)
    pipeline.huskies("tick")
    assert not is_running(gate.pid)
    busy.go_on()
    with pipeline.ticking():
        pipeline.wait_for(*busy.stories, timeout=120)
        assert_all_landed(pipeline, *busy.stories)
