"""The environment of every test: its own home, git config and time zone; no process is left when it ends."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil
import pytest

from huskies_core.project import Project, find_repository
from support.git_repository import GitRepository
from support.processes import carriers, describe, guard, kill
from support.waiting import wait_until

GIT_CONFIG = """\
[user]
\tname = Test Person
\temail = test@example.org
[init]
\tdefaultBranch = main
"""
FOLDERS = {
    "HOME": "home",
    "TMPDIR": "tmp",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_RUNTIME_DIR": "runtime",
    "XDG_STATE_HOME": "state",
}
"""Environment variables, and the folders inside `user_folder` that they name."""
CLEARED = ("FORCE_COLOR", "GIT_", "HUSKIES_", "LC_", "NO_COLOR", "XDG_")
"""Prefixes of the variables that no test inherits."""
GRACE_SECS = 5.0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what requests `processes`, by itself or by another fixture, and the benchmarks."""
    for item in items:
        if "processes" in getattr(item, "fixturenames", ()) or item.get_closest_marker("bench"):
            item.add_marker("slow")


def pytest_runtest_setup(item: pytest.Item) -> None:
    guard.allows = item.get_closest_marker("slow") is not None
    guard.refused.clear()


def pytest_runtest_logfinish() -> None:
    guard.allows = True


@pytest.fixture
def processes() -> None:
    """Mark a test slow that starts the program, an agent or a shell, by requesting this fixture."""


@pytest.fixture(autouse=True, scope="session")
def usual_signals() -> None:
    """Undo what children would inherit from the caller: nohup ignores SIGHUP, a shell's background job SIGINT."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def prepared_repository(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Make the repository that each `GitRepository` with a commit is a copy of."""
    folder = tmp_path_factory.mktemp("prepared").resolve()
    (folder / "gitconfig").write_text(GIT_CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        for name, value in _environment(folder).items():
            patch.setenv(name, value)
        repository = GitRepository(folder / "repository")
    for sample in (repository.root / ".git/hooks").iterdir():
        sample.unlink()
    GitRepository.prepared = repository.root


@pytest.fixture(scope="session")
def user_folders(tmp_path_factory: pytest.TempPathFactory) -> "UserFolders":
    return UserFolders(tmp_path_factory.mktemp("user_folders").resolve())


@pytest.fixture(autouse=True)
def user_folder(user_folders: "UserFolders", monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder with the test's home, caches and temporary files. It is not inside `tmp_path`."""
    folder = user_folders.unused()
    for name in [name for name in os.environ if name.startswith(CLEARED)]:
        monkeypatch.delenv(name)
    for name, value in _environment(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)
    time.tzset()
    yield folder
    monkeypatch.undo()
    time.tzset()


class UserFolders:
    """Create user folders. A folder that its test left untouched is used again by the next test."""

    def __init__(self, root: Path) -> None:
        self._folders = (root / str(number) for number in count(1))
        self._current: Path | None = None

    def unused(self) -> Path:
        if self._current is None or not _is_untouched(self._current):
            self._current = next(self._folders)
            for name in ("", *FOLDERS.values()):
                (self._current / name).mkdir(mode=0o700)
            (self._current / "gitconfig").write_text(GIT_CONFIG)
        return self._current


def _is_untouched(user_folder: Path) -> bool:
    try:
        contents = {name: os.listdir(user_folder / name) for name in ("", *FOLDERS.values())}
        modes = {os.stat(user_folder / name).st_mode & 0o777 for name in FOLDERS.values()}
    except OSError:
        return False
    top = {"gitconfig", *FOLDERS.values()}
    empty = not any(contents[name] for name in FOLDERS.values())
    config = (user_folder / "gitconfig").read_text()
    return (set(contents[""]), modes, empty, config) == (top, {0o700}, True, GIT_CONFIG)


def _environment(folder: Path) -> dict[str, str]:
    """Put the program of this interpreter first on PATH, whether or not its environment is activated."""
    return {name: str(folder / place) for name, place in FOLDERS.items()} | {
        "EDITOR": "false",
        "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
        "GIT_CONFIG_SYSTEM": os.devnull,
        "LANG": "C",
        "LC_ALL": "C",
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "TZ": "UTC",
    }


@pytest.fixture(autouse=True)
def no_process_left(user_folder: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that leaves a process of its own running, after ending that process."""
    folders = [user_folder]
    if "tmp_path" in request.fixturenames:
        folders.append(request.getfixturevalue("tmp_path").resolve())
    before = set(psutil.pids())
    yield
    assert not guard.refused, f"slow programs: {guard.refused}: request the fixture `processes`"

    def remaining() -> list[psutil.Process]:
        new = set(psutil.pids()) - before
        return [process for folder in folders for process in carriers(new, folder)]

    try:
        wait_until(lambda: not remaining(), GRACE_SECS)
    except AssertionError:
        processes = remaining()
        names = sorted({describe(process) for process in processes})
        kill(processes)
        if names:
            pytest.fail(f"left running: {names}")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """Return a repository with one commit on main, without `.huskies`."""
    return GitRepository(tmp_path.resolve() / "repository")


@pytest.fixture
def project(repository: GitRepository) -> Project:
    """Return a project in `repository`, with an empty `.huskies`."""
    project = find_repository(repository.root)
    project.state_dir.mkdir()
    return project
