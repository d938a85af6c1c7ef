import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from pytest_mock import MockerFixture

from huskies_core.errors import HuskiesError
from huskies_core.git.host import network_filesystem, require_git, scrub_environment
from huskies_core.git_variables import REPOSITORY_VARIABLES


def test_the_installed_git_is_new_enough() -> None:
    require_git()


def fake_git(folder: Path, says: str) -> None:
    program = folder / "git"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("says", "code"), [("git version 2.37.9", "old_git"), ("what", "old_git"), ("", "no_git")]
)
def test_a_missing_or_old_git_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: str
) -> None:
    if says:
        fake_git(tmp_path, says)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HuskiesError) as raised:
        require_git()
    assert raised.value.code == code


@pytest.mark.parametrize("version", ["2.38.0", "2.100.1.windows.2", "3.0.0 (Apple Git-200)"])
def test_newer_versions_of_git_are_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    fake_git(tmp_path, f"git version {version}")
    monkeypatch.setenv("PATH", str(tmp_path))
    require_git()


def test_the_variables_are_those_that_git_lists() -> None:
    named = subprocess.run(
        ["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True
    ).stdout.split()
    assert set(named) <= set(REPOSITORY_VARIABLES)


def test_only_these_variables_are_removed_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_TEMPLATE_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -4")
    scrub_environment()
    assert [os.environ.get(name) for name in ("GIT_DIR", "GIT_TEMPLATE_DIR", "GIT_SSH_COMMAND")] == [
        None,
        None,
        "ssh -4",
    ]


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/x", None), ("/net/home/x", "nfs4"), ("/net/home/local/x", None), ("/network", None)],
)
def test_the_file_system_is_that_of_the_nearest_mount(
    mocker: MockerFixture, path: str, kind: str | None
) -> None:
    mounts = [("/", "ext4"), ("/net/home", "nfs4"), ("/net/home/local", "xfs")]
    partitions = [SimpleNamespace(mountpoint=point, fstype=fstype) for point, fstype in mounts]
    mocker.patch.object(psutil, "disk_partitions", return_value=partitions)
    assert network_filesystem(Path(path)) == kind
