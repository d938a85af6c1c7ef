"""Fixtures for the tests of runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.supervisor.kill import kill_run
from huskies_core.supervisor.run_directory import RunDirectory, is_alive
from support.agents.runs import Runs


@pytest.fixture
def runs(tmp_path: Path, processes: None) -> Iterator[Runs]:
    started = Runs(tmp_path.resolve())
    yield started
    for folder in (started.root / ".huskies" / "runs").glob("*"):
        directory = RunDirectory(folder)
        if is_alive(directory):
            kill_run(directory, {"outcome": "stopped"})
