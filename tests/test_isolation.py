"""The fixtures of `conftest` isolate the tests from each other and from the machine."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from support.git_repository import GitRepository
from support.processes import carriers, kill
from support.waiting import wait_until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_the_settings_of_the_user_are_not_visible(user_folder: Path, repository: GitRepository) -> None:
    settings = repository.git("config", "--list", "--show-origin", "--name-only").splitlines()
    origins = {line.split("\t")[0] for line in settings}
    assert (Path.home().parent, time.tzname[0], origins) == (
        user_folder,
        "UTC",
        {f"file:{user_folder}/gitconfig", "file:.git/config"},
    )
    assert not [name for name in os.environ if name.startswith("HUSKIES_")]


def test_commits_are_a_minute_apart(repository: GitRepository) -> None:
    repository.commit_file("a", "1")
    times = [int(line) for line in repository.git("log", "--format=%ct").splitlines()]
    assert times[0] - times[1] == 60


@pytest.mark.usefixtures("processes")
def test_processes_of_the_test_are_found_and_no_others(tmp_path: Path) -> None:
    mine = subprocess.Popen(SLEEPER, env=os.environ | {"HUSKIES_PROJECT": str(tmp_path / "repository")})
    other = subprocess.Popen(SLEEPER, env=os.environ | {"HUSKIES_PROJECT": "/elsewhere"})
    carrying = wait_until(lambda: carriers(psutil.pids(), tmp_path))
    kill([*carrying, psutil.Process(other.pid)])
    assert ([process.pid for process in carrying], mine.wait(), other.wait()) == ([mine.pid], -9, -9)


@pytest.mark.usefixtures("processes")
def test_a_test_that_leaves_a_process_fails_and_the_process_is_killed(tmp_path: Path) -> None:
    body = f"import subprocess\ndef test_leaves(tmp_path, processes):\n    subprocess.Popen({SLEEPER!r})\n"
    (tmp_path / "test_leaves.py").write_text(body)
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    command = [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    search = {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | search, capture_output=True, text=True)
    assert (done.returncode, "left running" in done.stdout) == (1, True), done.stdout
