"""Control groups that a run must leave, and its request to systemd."""

import os
from pathlib import Path

import pytest

from huskies_core.supervisor.scope import leave_control_group, needs_scope

USER = "/user.slice/user-1000.slice"


@pytest.mark.parametrize(
    ("cgroup", "lingers", "needs"),
    [
        (f"{USER}/user@1000.service/app.slice/huskies-tick.service", False, True),
        (f"{USER}/user@1000.service/huskies-tick.service", True, True),
        (f"{USER}/user@1000.service/app.slice/app-gnome-terminal-7.scope", True, False),
        (f"{USER}/user@1000.service/init.scope", True, False),
        (f"{USER}/session-3.scope", True, True),
        (f"{USER}/session-3.scope", False, False),
        ("/system.slice/cron.service", True, False),
        ("/", True, False),
        ("", True, False),
    ],
)
def test_a_scope_is_needed_where_the_run_would_end_with_its_starter(
    cgroup: str, *, lingers: bool, needs: bool
) -> None:
    assert needs_scope(cgroup, lingers=lingers) is needs


def systemd(folder: Path, answer: str) -> Path:
    """Install a fake busctl that moves the process as a user manager does. Return its control group file."""
    cgroup, busctl = folder / "cgroup", folder / "busctl"
    cgroup.write_text(f"1:name=systemd:/x\n0::{USER}/user@1000.service/huskies-tick.service\n")
    busctl.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\n{answer}\n')
    busctl.chmod(0o755)
    return cgroup


def test_a_run_of_a_user_service_moves_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = f"0::{USER}/user@1000.service/app.slice/huskies-7.scope"
    cgroup = systemd(tmp_path, f"echo {scope} > {tmp_path}/cgroup")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert leave_control_group("huskies-7", str(cgroup)) == "scope"
    asked = (tmp_path / "asked").read_text()
    properties = f"2 PIDs au 1 {os.getpid()} CollectMode s inactive-or-failed 0\n"
    assert asked.endswith(f"StartTransientUnit ssa(sv)a(sa(sv)) huskies-7.scope fail {properties}")


@pytest.mark.parametrize("answer", ["exit 1", "exit 0"])
def test_a_manager_that_does_not_move_it_leaves_a_plain_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    cgroup = systemd(tmp_path, answer)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert leave_control_group("huskies-7", str(cgroup)) == "session"


def test_without_systemd_it_is_a_plain_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cgroup = systemd(tmp_path, "exit 0")
    monkeypatch.setenv("PATH", "/nowhere")
    assert leave_control_group("huskies-7", str(cgroup)) == "session"
    assert leave_control_group("huskies-7", "/no/such/file") == "session"
