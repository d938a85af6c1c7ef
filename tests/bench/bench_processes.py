"""Whole processes: an idle tick, the memory of a supervisor, and the delay from one run to the next."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import psutil

from bench.rows import Row, Scale, seconds
from huskies_core.clock import from_iso, utc_now
from huskies_core.context import Context
from huskies_core.ids import StoryId
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.pass_runner import run_pass
from huskies_core.pipeline.stages import Coding
from huskies_core.runs.end import stop_and_freeze
from huskies_core.runs.programs import installed_program
from huskies_core.schedules import Once
from huskies_core.store import runs, stories, timers, triggers
from huskies_core.store.actions import TaskPrompt
from huskies_core.supervisor.run_directory import RunDirectory
from support.contexts import Clock, opened
from support.stories import import_story
from support.waiting import wait_until

MOST_MIB = 20.0
MOST_SECS = 1.0
CODER = '[[agent]]\nname = "ann"\nstage = "coder"\nruntime = "command"\ncommand = ["sh", "-c", "{script}"]\n'
GATE = '[[gate]]\nname = "check"\ncommand = ["true"]\n'
WORK = "echo x > $HUSKIES_STORY_ID; git add .; git commit -qm x"


def idle_tick(folder: Path, scale: Scale) -> Iterator[Row]:
    """Compare an idle tick of the installed program with a Python that imports sqlite3 and ends."""
    with opened(folder / "repo", Clock(utc_now())) as context:
        root = context.project.root
    tick = [installed_program(), "tick"]
    for _ in range(3):
        subprocess.run(tick, cwd=root, check=True, capture_output=True)
    bare = [sys.executable, "-c", "import sqlite3"]
    times = [(run_for(tick, root), run_for(bare, root)) for _ in range(max(scale.rounds // 10, 1))]
    ours, plain = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    yield Row("a tick with nothing due", "ms", ours, plain, at_most=1.5)


def tick_beside_timers(folder: Path, scale: Scale) -> Iterator[Row]:
    """Compare an idle tick of a project with many timers and triggers with one of an empty project."""
    with (
        opened(folder / "full", Clock(utc_now())) as context,
        opened(folder / "empty", Clock(utc_now())) as bare,
    ):
        later = context.now() + timedelta(days=300)
        with context.store.exclusive() as db:
            for _ in range(scale.stories // 10):
                draft = timers.TimerDraft(TaskPrompt("later"), Once(), later)
                timers.add(db, draft, actor="user:bench", now=context.now())
            for _ in range(scale.stories // 100):
                seldom = triggers.TriggerDraft(triggers.Predicate(story="999999"), TaskPrompt("later"))
                triggers.add(db, seldom, actor="user:bench", now=context.now())
        roots = (context.project.root, bare.project.root)
    tick = [installed_program(), "tick"]
    for root in roots * 3:
        subprocess.run(tick, cwd=root, check=True, capture_output=True)
    times = [[run_for(tick, root) for root in roots] for _ in range(max(scale.rounds // 10, 1))]
    full, empty = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    yield Row("the same beside 10,000 timers and 1,000 triggers", "ms", full, empty, at_most=1.2)


def completion(folder: Path, scale: Scale) -> Iterator[Row]:
    """Compare a completion with a Python that imports sqlite3 and ends."""
    with opened(folder / "repo", Clock(utc_now())) as context:
        for number in range(min(scale.stories, 1000)):
            import_story(context.store, Coding(), number=StoryId(number + 1))
        root = context.project.root
    asked = [installed_program(), "__complete", "stories", "1", "show"]
    bare = [sys.executable, "-c", "import sqlite3"]
    times = [(run_for(asked, root), run_for(bare, root)) for _ in range(max(scale.rounds // 10, 1))]
    ours, plain = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    yield Row("a completion among 1,000 stories", "ms", ours, plain, at_most=1.5)


def supervisor(folder: Path, scale: Scale) -> Iterator[Row]:
    """Compare the memory of a supervisor, whose run prints `rounds` lines of 1,000 characters, with its limit."""
    script = f"yes $(printf %01000d 0) | head -n {scale.rounds * 10}; read line < go"
    with opened(folder / "repo", Clock(utc_now()), agents_toml=CODER.format(script=script)) as context:
        import_story(context.store, Coding(), number=StoryId(1))
        run_pass(context, AUTO_ASSIGN)
        with context.store.reading() as db:
            (run,) = runs.live(db)
        directory = RunDirectory(context.project.run_dir(run.id))
        wait_until(lambda: os.path.getsize(directory.output) >= scale.rounds * 10_000, 60)
        shim = directory.read_shim()
        assert shim is not None
        used = psutil.Process(shim.pid).memory_info().rss / 2**20
        stop_and_freeze(context, run.id, "measured")
    yield Row("resident memory of a supervisor, against its aim", "MiB", used, MOST_MIB, at_most=1)


def following_run(folder: Path, scale: Scale) -> Iterator[Row]:
    """Measure the time from the end of an agent to the gates, and from the gates to the merge, without a tick."""
    count = max(scale.rounds // 40, 1)
    with opened(
        folder / "repo", Clock(utc_now()), project_toml=GATE, agents_toml=CODER.format(script=WORK)
    ) as context:
        context.now = utc_now
        for _ in range(count):
            import_story(context.store, Coding())
        run_pass(context, AUTO_ASSIGN)
        wait_until(lambda: all_done(context), 30 + 10 * count, what="all stories to be done")
        wait_until(lambda: not any_inside(folder), 30, what="the last advance to end")
        waits = [wait for number in range(1, count + 1) for wait in waits_of(context, number)]
    yield Row(
        "from a run's end to the next one's start (median)",
        "s",
        statistics.median(waits),
        MOST_SECS,
        at_most=1,
    )


ROWS = (idle_tick, tick_beside_timers, completion, supervisor, following_run)


def run_for(command: list[str], root: Path) -> float:
    return seconds(lambda: subprocess.run(command, cwd=root, check=True, capture_output=True))


def all_done(context: Context) -> bool:
    with context.store.reading() as db:
        return not stories.open_stories(db) and not runs.live(db)


def any_inside(folder: Path) -> bool:
    """Return whether a process has its working directory below `folder`."""
    directories = (process.info["cwd"] or "" for process in psutil.process_iter(["cwd"]))
    return any(path.startswith(str(folder)) for path in directories)


def waits_of(context: Context, story: int) -> list[float]:
    """Return the seconds from each end of a run, as seen by its supervisor, to the next recorded start of a story."""
    with context.store.reading() as db:
        of_story = runs.of_story(db, StoryId(story))
    ends = [RunDirectory(context.project.run_dir(run.id)).read_exit() for run in of_story]
    starts = [from_iso(run.started_at).timestamp() for run in of_story]
    return [
        start - end.at for end, (_, start) in zip(ends, pairwise(starts), strict=False) if end is not None
    ]
