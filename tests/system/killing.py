"""Kills of the processes of a project at a chosen point, and the checks afterwards."""

import json
import os
import signal
import site
import subprocess
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from shutil import which
from venv import EnvBuilder

import psutil
import pytest

from huskies_core.pipeline.stages import Done, StageName
from support.cli import Finished
from support.waiting import wait_until
from system.facts import CLEAN_FSCK, NOTHING, Leftovers, fsck, leftovers, processes_of, squash_commits
from system.project import Pipeline

MORTAL = Path(__file__).with_name("mortal.py")
NEVER = 0
TICK_SECS = 60
TICK_EVERY_SECS = 0.5


@dataclass(frozen=True)
class Ordered:
    """An order to be killed. `effects` are the effects of the process that took it, in order, before the kill."""

    path: Path

    @property
    def is_taken(self) -> bool:
        return self.path.with_suffix(".taken").exists()

    @property
    def effects(self) -> list[str]:
        trace = self.path.with_suffix(".trace")
        return trace.read_text(errors="replace").splitlines() if trace.exists() else []

    def died_before(self, words: str) -> bool:
        return bool(self.effects) and words in self.effects[-1]


class MortalPython:
    """A Python for the program and its children, in which each process can be killed by an order."""

    def __init__(self, folder: Path, root: Path) -> None:
        EnvBuilder(symlinks=True).create(folder)
        self._python, self._root = folder / "bin" / "python", root
        packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
        (packages / "mortal.py").write_text(MORTAL.read_text())
        lines = [f"import site; site.addsitedir({folder!r})" for folder in site.getsitepackages()]
        (packages / "mortal.pth").write_text("\n".join([*lines, "import mortal\n"]))
        self._orders, self._given = packages / "orders", count(1)

    def order(self, name: str, *, at: int = NEVER, before: str = "", with_parent: bool = False) -> Ordered:
        """Kill the next process of a name before its effect number `at`, or before one described by `before`."""
        folder = self._orders / name
        folder.mkdir(parents=True, exist_ok=True)
        order = folder / f"{next(self._given):04}.json"
        written = order.with_suffix(".new")
        written.write_text(json.dumps({"at": at, "before": before, "with_parent": with_parent}))
        written.rename(order)
        return Ordered(order)

    def huskies(self, *args: str) -> Finished:
        done = subprocess.run(
            [self._python, "-P", "-m", "huskies_cli.main", *args],
            cwd=self._root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TICK_SECS,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def reconcile_and_tick(self, pipeline: Pipeline, *stories: int, timeout: float = 120) -> None:
        """Run what cron runs after a crash, until the stories are done: one reconcile, then ticks."""
        assert "Traceback" not in self.huskies("reconcile").stderr

        def are_done() -> bool:
            ticked = self.huskies("tick")
            assert "Traceback" not in ticked.stderr, ticked.stderr
            return all(pipeline.story(story).stage.name is StageName.DONE for story in stories)

        pipeline.wait_until(are_done, timeout, what=f"{stories} done", every=TICK_EVERY_SECS)

    def tick_until_tidy(self, pipeline: Pipeline, timeout: float = 60) -> None:
        """Tick until the files and processes of the stories are removed, or until the timeout."""

        def is_tidy() -> bool:
            self.huskies("tick")
            return _leftovers(pipeline) == NOTHING

        with suppress(AssertionError):
            wait_until(is_tidy, timeout, every=TICK_EVERY_SECS)


class OrphaningGit:
    """Put a git on PATH that once kills its parent, a merge, before it runs `command`, a pattern of sh."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
        folder.mkdir()
        self._order, self._real = folder / "order", which("git")
        self._order.touch()
        (folder / "git").write_text(
            f"""#!/bin/sh
if [ "$HUSKIES_STAGE" = merge ]; then
    case "$*" in
    *{command}*) rm {self._order} 2>/dev/null && kill -9 $PPID ;;
    esac
fi
exec {self._real} "$@"
"""
        )
        (folder / "git").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    @property
    def has_struck(self) -> bool:
        return not self._order.exists()


@dataclass(frozen=True)
class Landings:
    """The commits and files of finished stories on the base branch."""

    merged: dict[int, int]
    not_on_base: list[int]
    bytes_lost: list[str]
    status: list[str]
    fsck: tuple[int, str, str]


def assert_all_landed(pipeline: Pipeline, *stories: int, files: Mapping[str, str] | None = None) -> None:
    """Check that each story is on the base once, with these files, no leftovers, and a clean checkout."""
    expected = {f"story-{story}.txt": "done" for story in stories} if files is None else files
    state = Landings(
        merged=dict(squash_commits(pipeline)),
        not_on_base=[story for story in stories if not is_on_base(pipeline, story)],
        bytes_lost=[
            path for path, text in expected.items() if pipeline.repository.read(path, "main") != text
        ],
        status=pipeline.repository.status(),
        fsck=fsck(pipeline),
    )
    assert state == Landings(dict.fromkeys(stories, 1), [], [], [], CLEAN_FSCK), pipeline.report()
    remaining = settled_leftovers(pipeline)
    assert remaining == NOTHING, remaining


def is_on_base(pipeline: Pipeline, story: int) -> bool:
    """Return whether the merge commit of the story is on main and has its trailer."""
    stage, git = pipeline.story(story).stage, pipeline.repository
    if (
        not isinstance(stage, Done)
        or git.run("merge-base", "--is-ancestor", stage.merge_commit, "main").returncode
    ):
        return False
    return git.git(
        "log", "-1", "--format=%(trailers:key=Story-Id,valueonly)", stage.merge_commit
    ).strip() == str(story)


def settled_leftovers(pipeline: Pipeline) -> Leftovers:
    """Return the state that remains when it no longer shrinks. Run directories may contain unfinished files."""
    try:
        wait_until(lambda: _leftovers(pipeline) == NOTHING, 20)
    except AssertionError:
        return _leftovers(pipeline)
    return NOTHING


def _leftovers(pipeline: Pipeline) -> Leftovers:
    state, runs = leftovers(pipeline), f"{pipeline.project.runs_dir}/"
    return replace(state, trash=tuple(path for path in state.trash if not path.startswith(runs)))


def kill_all_at_once(root: Path) -> int:
    """Kill all processes of the project, as a power cut does, and return their number.

    All are stopped first, so that none sees another die.
    """
    stopped: dict[int, psutil.Process] = {}
    while fresh := {one.pid: one for one in _processes(root) if one.pid not in stopped}:
        signal_all(fresh.values(), signal.SIGSTOP)
        stopped |= fresh
    signal_all(stopped.values(), signal.SIGKILL)
    psutil.wait_procs(list(stopped.values()), timeout=10)
    return len(stopped)


def signal_all(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def processes_at_work(root: Path) -> list[psutil.Process]:
    """Return the processes of the project, without this one."""
    return list(_processes(root))


def _processes(root: Path) -> Iterator[psutil.Process]:
    return (psutil.Process(int(line.split(" ")[0])) for line in processes_of(root))


def is_running(pid: int) -> bool:
    """Return whether the process is alive and no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
