"""Tests of the whole program from outside, with real processes and real git."""

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
    """Return a function that makes the project of the test; its runs end with the test."""
    made: list[Pipeline] = []

    def make(**settings: Any) -> Pipeline:
        made.append(Pipeline(repository, tmp_path.resolve() / "scripts", **settings))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.stop()


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    """Return a project with one coder and one gate."""
    return make_pipeline()
