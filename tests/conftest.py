"""The world of every test: its own home and git config, UTC, and nobody left running when it is over."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from huskies_core.project import Project, find_repository
from support.git_repository import GitRepository
from support.processes import carriers, describe, kill
from support.waiting import wait_until

GIT_CONFIG = """\
[user]
\tname = Test Person
\temail = test@example.org
[init]
\tdefaultBranch = main
"""
GRACE_SECS = 5.0


@pytest.fixture(autouse=True, scope="session")
def signals_as_usual() -> None:
    """What started the tests may ignore SIGHUP, as nohup does, or SIGINT, as a shell has it for what is in the
    background, and every child would ignore it, too."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that holds the test's home, caches and temporary files. It is not inside `tmp_path`."""
    folder = tmp_path_factory.mktemp("world").resolve()
    for name in [name for name in os.environ if name.startswith(("GIT_", "HUSKIES_", "LC_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in _environment(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)
    time.tzset()
    yield folder
    monkeypatch.undo()
    time.tzset()


def _environment(folder: Path) -> dict[str, str]:
    places = {
        "HOME": folder / "home",
        "TMPDIR": folder / "tmp",
        "XDG_CACHE_HOME": folder / "cache",
        "XDG_CONFIG_HOME": folder / "config",
        "XDG_DATA_HOME": folder / "data",
        "XDG_RUNTIME_DIR": folder / "runtime",
        "XDG_STATE_HOME": folder / "state",
    }
    for place in places.values():
        place.mkdir(mode=0o700)
    git_config = folder / "gitconfig"
    git_config.write_text(GIT_CONFIG)
    return {name: str(place) for name, place in places.items()} | {
        "EDITOR": "false",
        "GIT_CONFIG_GLOBAL": str(git_config),
        "GIT_CONFIG_SYSTEM": os.devnull,
        "LANG": "C",
        "LC_ALL": "C",
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "TZ": "UTC",
    }


@pytest.fixture(autouse=True)
def nobody_left(world: Path, tmp_path: Path) -> Iterator[None]:
    """Fails the test that leaves a process of its own running, after ending that process."""
    before = set(psutil.pids())
    yield

    def left() -> list[psutil.Process]:
        mine = set(psutil.pids()) - before
        return [*carriers(mine, tmp_path.resolve()), *carriers(mine, world)]

    try:
        wait_until(lambda: not left(), GRACE_SECS)
    except AssertionError:
        remaining = left()
        names = sorted({describe(process) for process in remaining})
        kill(remaining)
        if names:
            pytest.fail(f"left running: {names}")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """A repository with one commit on main, without `.huskies`."""
    return GitRepository(tmp_path.resolve() / "repository")


@pytest.fixture
def project(repository: GitRepository) -> Project:
    """The place of a project in `repository`: nothing of it is made yet but its folder."""
    project = find_repository(repository.root)
    project.state_dir.mkdir()
    return project
