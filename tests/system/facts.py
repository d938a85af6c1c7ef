"""Invariants of a project, as plain values that compare as a whole."""

import fcntl
import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil

from huskies_core.store.journal import JournalEntry
from huskies_core.store.runs import RunKind
from support.waiting import wait_until
from system.project import Pipeline

CLEAN_FSCK = (0, "", "")


@dataclass(frozen=True)
class Leftovers:
    """State that must not remain when all stories have finished."""

    live_runs: tuple[int, ...] = ()
    locked_runs: tuple[int, ...] = ()
    processes: tuple[str, ...] = ()
    worktrees: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    git_locks: tuple[str, ...] = ()
    trash: tuple[str, ...] = ()


NOTHING = Leftovers()


def no_leftovers(pipeline: Pipeline, timeout: float = 60) -> Leftovers:
    """Return the state that remains when it no longer shrinks. Compare it with NOTHING.

    The last run's end is recorded a moment before what follows from it is done.
    """
    try:
        wait_until(lambda: leftovers(pipeline) == NOTHING, timeout)
    except AssertionError:
        return leftovers(pipeline)
    return NOTHING


def leftovers(pipeline: Pipeline) -> Leftovers:
    """Return live runs, marked processes, worktrees, branches and locks. The merge workspace may remain."""
    project, git = pipeline.project, pipeline.repository.git
    listed = git("worktree", "list", "--porcelain").splitlines()
    made = {str(path) for path in project.worktrees_dir.glob("[!.]*")}
    worktrees = {line.removeprefix("worktree ") for line in listed if line.startswith("worktree ")}
    expected = {str(project.root), str(project.merge_workspace)}
    locks = [project.state_lock, project.git_lock, *project.state_dir.glob("*.lock"), *_pass_locks(pipeline)]
    return Leftovers(
        live_runs=tuple(run.id for run in pipeline.live_runs()),
        locked_runs=tuple(pipeline.locked_runs()),
        processes=tuple(processes_of(pipeline.root)),
        worktrees=tuple(sorted(worktrees - expected | made)),
        branches=tuple(git("branch", "--list", "feature/*", "--format=%(refname:short)").splitlines()),
        locks=tuple(sorted({path.name for path in locks if is_locked(path)})),
        git_locks=tuple(sorted(_files_below(project.git_dir, ".lock"))),
        trash=tuple(sorted([*_files_below(project.state_dir, ".new"), *_removed(project.git_dir)])),
    )


def _pass_locks(pipeline: Pipeline) -> Iterator[Path]:
    return pipeline.project.pass_lock("any").parent.glob("*.lock")


def _files_below(folder: Path, ending: str) -> list[str]:
    """Return all paths below a folder. pathlib fails if a folder is removed during the walk."""
    walked = ((directory, name) for directory, _, names in os.walk(folder) for name in names)
    return [os.path.join(directory, name) for directory, name in walked if name.endswith(ending)]


def _removed(git_dir: Path) -> list[str]:
    """Return worktrees that were moved away but not yet deleted."""
    return [entry.path for entry in os.scandir(git_dir) if entry.name.startswith("huskies-")]


def is_locked(lock: Path) -> bool:
    """Return whether a process has the flock of the file. A missing file is free."""
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def processes_of(root: Path) -> Iterator[str]:
    """Return the live processes that have the mark of the project, work in it or name it as an argument.

    Not this one, nor what it has started itself and still is the parent of.
    """
    own = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    for process in psutil.process_iter():
        try:
            words = [process.environ().get("HUSKIES_PROJECT", ""), process.cwd(), *process.cmdline()]
            if process.pid not in own and process.status() != psutil.STATUS_ZOMBIE and _names(words, root):
                yield f"{process.pid} {' '.join(process.cmdline())}"
        except psutil.Error:
            continue


def _names(words: Sequence[str], root: Path) -> bool:
    return any(word == str(root) or word.startswith(f"{root}/") for word in words)


def squash_commits(pipeline: Pipeline, base: str = "main") -> Counter[int]:
    """Return the number of first-parent commits of the base branch with the trailer of each story."""
    log = pipeline.repository.git(
        "log", "--first-parent", "--format=%(trailers:key=Story-Id,valueonly)", base
    )
    return Counter(int(word) for word in log.split())


def merge_commits(pipeline: Pipeline, base: str = "main") -> list[str]:
    """Return the commits of the base branch with more than one parent."""
    return pipeline.repository.git("log", "--merges", "--format=%s", base).splitlines()


def fsck(pipeline: Pipeline) -> tuple[int, str, str]:
    """Return the output of `git fsck`. Compare it with CLEAN_FSCK. Unreachable objects are no damage."""
    done = pipeline.repository.run("fsck", "--full", "--strict", "--no-dangling", "--no-progress")
    return done.returncode, done.stdout, done.stderr


@dataclass(frozen=True)
class Interval:
    """A run in the journal, from the row of its start to that of its end, which is None for a live run."""

    run: int
    story: int
    kind: str
    agent: str | None
    begin: int
    end: int | None


def intervals(pipeline: Pipeline) -> tuple[Interval, ...]:
    rows = pipeline.journal()
    ends = {int(row.detail["run"]): row.seq for row in rows if row.event == "run_ended"}
    return tuple(_interval(row, ends) for row in rows if row.event == "run_started")


def _interval(row: JournalEntry, ends: Mapping[int, int]) -> Interval:
    run, agent = int(row.detail["run"]), row.detail["agent"]
    assert row.story is not None
    return Interval(run, row.story, str(row.detail["kind"]), agent, row.seq, ends.get(run))


def overlaps(pipeline: Pipeline) -> list[tuple[Interval, Interval]]:
    """Return runs that were live at once although they share an agent, a worktree, or the merge queue."""
    lives = intervals(pipeline)
    shared: list[Callable[[Interval], Hashable]] = [
        lambda life: life.agent,
        lambda life: life.story,
        lambda life: life.kind if life.kind == RunKind.MERGE else None,
    ]
    return [pair for key in shared for pair in _overlapping(lives, key)]


def _overlapping(
    lives: tuple[Interval, ...], key: Callable[[Interval], Hashable]
) -> Iterator[tuple[Interval, Interval]]:
    groups: dict[Hashable, list[Interval]] = {}
    for life in lives:
        groups.setdefault(key(life), []).append(life)
    groups.pop(None, None)
    for group in groups.values():
        yield from (
            (one, next_) for one, next_ in pairwise(group) if one.end is None or one.end > next_.begin
        )


def most_live(pipeline: Pipeline, kind: RunKind) -> int:
    """Return the highest number of live runs of a kind at once."""
    lives = [life for life in intervals(pipeline) if life.kind == kind]
    begins = [(life.begin, 1) for life in lives]
    ends = [(life.end, -1) for life in lives if life.end is not None]
    live = most = 0
    for _, step in sorted([*begins, *ends]):
        live += step
        most = max(most, live)
    return most
