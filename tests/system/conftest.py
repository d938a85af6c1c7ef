"""Tests of the whole program from outside: real processes, real git, nothing but time and events driving them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.git_repository import GitRepository
from system.project import MakePipeline, Pipeline


@pytest.fixture(autouse=True)
def real_processes(processes: None) -> None:
    """Mark every test here as slow."""


@pytest.fixture
def make_pipeline(repository: GitRepository, tmp_path: Path) -> Iterator[MakePipeline]:
    """Makes the test's one project with what `Pipeline` takes, and ends its runs when the test is over."""
    made: list[Pipeline] = []

    def make(**said: Any) -> Pipeline:
        made.append(Pipeline(repository, tmp_path.resolve() / "scripts", **said))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.stop()


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    """A project with one coder and one gate."""
    return make_pipeline()
