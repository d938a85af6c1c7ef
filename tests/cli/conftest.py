"""A project that `huskies init` made, and commands in it."""

import pytest

from support.commands import Commands
from support.git_repository import GitRepository


@pytest.fixture
def outside(
    repository: GitRepository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Commands:
    """Commands in a repository that is no project yet."""
    monkeypatch.setenv("LOGNAME", "ada")
    return Commands(repository.root, capsys, monkeypatch)


@pytest.fixture
def huskies(outside: Commands) -> Commands:
    """Commands in a project."""
    assert outside("init").exit_code == 0
    return outside
