"""Fixtures: a project without a repository, and its store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.project import Project
from huskies_core.store.connection import Store, create


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path.resolve()
    (root / ".huskies").mkdir()
    return Project(root, root / ".git")


@pytest.fixture
def store(project: Project) -> Iterator[Store]:
    create(project)
    with Store(project) as opened:
        yield opened
