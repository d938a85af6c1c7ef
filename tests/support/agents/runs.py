"""Runs of scripted agents under a real supervisor."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from huskies_core.supervisor.environment import shim_environment
from huskies_core.supervisor.launch import launch
from huskies_core.supervisor.records import Exit, Limits, Role, RunSpec, Step
from huskies_core.supervisor.run_directory import RunDirectory, is_alive, take_lock
from support.waiting import wait_until

AGENT = Path(__file__).with_name("scripted_agent.py")
NO_LIMITS = Limits()
READER = "huskies_core.runtimes.command"


class Runs:
    """Starts runs of one project. `spec` is that of the next run, apart from its number."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env: Mapping[str, str] = {"PATH": os.environ["PATH"], "TMPDIR": os.environ["TMPDIR"]}
        self.advance: tuple[str, ...] = ("true",)
        self.reader = READER
        self.shim_env = shim_environment(os.environ, ())
        self._last = 0

    def step(self, *script: str, name: str = "coder", role: Role = Role.AGENT) -> Step:
        return Step(name, role, (sys.executable, str(AGENT), *script), str(self.root))

    def directory(self, run: int) -> RunDirectory:
        return RunDirectory(self.root / ".huskies" / "runs" / str(run))

    def spec(self, directory: RunDirectory, steps: tuple[Step, ...], limits: Limits) -> RunSpec:
        mark = {"HUSKIES_RUN_ID": directory.path.rpartition("/")[2], "HUSKIES_PROJECT": str(self.root)}
        return RunSpec(
            run_id=directory.run_id,
            project=str(self.root),
            steps=steps,
            env={**self.env, **mark},
            limits=limits,
            reader=self.reader,
            advance=self.advance,
        )

    def start(self, *steps: Step, limits: Limits = NO_LIMITS) -> RunDirectory:
        self._last += 1
        directory = self.directory(self._last)
        lock = take_lock(directory)
        assert lock is not None
        try:
            launch(directory, lock, self.spec(directory, steps, limits), shim_env=self.shim_env)
        finally:
            os.close(lock)
        return directory

    def finish(self, *steps: Step, limits: Limits = NO_LIMITS) -> tuple[RunDirectory, Exit]:
        directory = self.start(*steps, limits=limits)
        return directory, end_of(directory)


def end_of(directory: RunDirectory, timeout: float = 20.0) -> Exit:
    """Return the end of the run, after waiting until its lock is free."""
    wait_until(lambda: not is_alive(directory), timeout, what=f"the end of {directory.path}")
    ended = directory.read_exit()
    assert ended is not None, Path(directory.shim_log).read_text()
    return ended


def timed(step: Step, seconds: float) -> Step:
    return replace(step, timeout_secs=seconds)
