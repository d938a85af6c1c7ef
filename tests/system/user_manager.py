"""A real systemd user manager for one test. The test is skipped if none can start.

systemd refuses to be a user manager on a machine that it did not boot. Root can show it an empty `/run` with the one
folder that it looks for, in a mount namespace of its own, and give it control groups to be the master of.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.waiting import wait_until

PROGRAMS = ("systemd-run", "busctl", "dbus-daemon", "unshare", "mount", "timeout")
MANAGER = Path("/usr/lib/systemd/systemd")
HIERARCHIES = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
MOST_SECS = 300
BOOT = f"""
mount -t tmpfs none /run && mkdir -p /run/systemd/system || exit 70
for group; do echo $$ > "$group/cgroup.procs" || exit 71; done
exec timeout -k 5 {MOST_SECS} {MANAGER} --user --log-target=console
"""


@contextmanager
def user_manager(log: Path) -> Iterator[None]:
    """Run a user manager in the XDG_RUNTIME_DIR of the test. Skip the test if it does not start."""
    _skip_for(_obstacle())
    groups = _make_groups()
    with log.open("wb") as output:
        argv = ["unshare", "--mount", "sh", "-c", BOOT, "sh", *map(str, groups)]
        manager = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _skip_for("" if _starts(manager) else f"no user manager comes up: {log.read_text()[-500:]}")
        yield
    finally:
        manager.terminate()
        manager.wait(60)
        for group in groups:
            _remove(group)


def run_unit(*argv: str | Path, cwd: Path) -> int:
    """Run a oneshot unit with the environment of the test and return its exit status."""
    how = (
        "--user",
        "--wait",
        "--collect",
        "--quiet",
        "--property=Type=oneshot",
        f"--working-directory={cwd}",
    )
    environment = [f"--setenv={name}" for name in os.environ]
    return subprocess.run(["systemd-run", *how, *environment, *map(str, argv)], timeout=120).returncode


def control_groups(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text()


def _skip_for(reason: str) -> None:
    if reason:
        pytest.skip(reason)


def _obstacle() -> str:
    if sys.platform != "linux":
        return "systemd runs on Linux only"
    if os.getuid() != 0:
        return "only root can make control groups and a mount namespace"
    missing = [name for name in (*PROGRAMS, str(MANAGER)) if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def _make_groups() -> tuple[Path, ...]:
    """Make control groups with the names of a user manager, in each hierarchy that systemd can use."""
    name = f"huskies-test-{os.getpid()}/user@{os.getuid()}.service"
    mounted = [Path(path) for path in HIERARCHIES if Path(path, "cgroup.procs").exists()]
    groups = tuple(path / name for path in mounted)
    try:
        for group in groups:
            group.mkdir(parents=True)
    except OSError as error:
        pytest.skip(f"no control groups can be made here: {error}")
    return groups


def _starts(manager: "subprocess.Popen[bytes]") -> bool:
    """Return whether the bus answers; the socket of the manager exists earlier."""

    def answers() -> bool:
        asked = subprocess.run(["busctl", "--user", "--timeout=20", "list"], capture_output=True)
        return manager.poll() is not None or asked.returncode == 0

    try:
        wait_until(answers, 30)
    except AssertionError:
        return False
    return manager.poll() is None


def _remove(group: Path) -> None:
    """Remove a control group and those below it, from the bottom, when they are empty."""
    below = sorted(group.parent.rglob("*/"), key=lambda path: -len(path.parts))
    wait_until(lambda: not any(_processes(path) for path in below), 30, what=f"the end of all in {group}")
    for path in (*below, group.parent):
        if path.is_dir():
            path.rmdir()


def _processes(group: Path) -> Sequence[str]:
    try:
        return (group / "cgroup.procs").read_text().split()
    except OSError:
        return ()
