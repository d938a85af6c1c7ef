"""A repository opened for the code under test."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from huskies_core.git.repository import Repository
from huskies_core.project import Project
from support.git_repository import GitRepository


@pytest.fixture
def repo(repository: GitRepository, project: Project) -> Iterator[Repository]:
    repository.write(".huskies/.gitignore", "*\n")
    with Repository(project) as opened:
        yield opened


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)
