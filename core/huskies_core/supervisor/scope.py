"""Leaving the control group of the starter where systemd would end the run with it.

A oneshot unit kills what it started when it ends, so a run moves into a scope of its own. Not from a plain
login session: a scope dies with the user's service manager, which without lingering ends at logout, where the
session may live."""

import os
import re
import select
import time

_ASK_SECS = 2
_MOVE_SECS = 1.0
_USER_SERVICE = re.compile(r"/user@\d+\.service/(?:.*/)?[^/]+\.service(?:/|$)")
_LOGIN_SESSION = re.compile(r"/user\.slice/user-\d+\.slice/session-[^/]+\.scope(?:/|$)")


def needs_scope(cgroup: str, *, lingers: bool) -> bool:
    """Whether a process of that control group, a path as in /proc/PID/cgroup, lives longer in a scope."""
    return bool(_USER_SERVICE.search(cgroup)) or (lingers and bool(_LOGIN_SESSION.search(cgroup)))


def leave_control_group(name: str, cgroup_file: str = "/proc/self/cgroup") -> str:
    """Moves this process, with its later children, where that helps: "scope" when it worked, else
    "session".
    """
    unit = f"{name}.scope"
    if not needs_scope(_control_group(cgroup_file), lingers=lingers(os.environ.get("USER", ""))):
        return "session"
    return "scope" if _ask_for_scope(unit) and _has_moved_to(unit, cgroup_file) else "session"


def _control_group(cgroup_file: str) -> str:
    """The unified hierarchy's path, or systemd's own of the old layout; empty without either, or off
    Linux.
    """
    try:
        with open(cgroup_file) as file:
            groups = dict(line.rstrip("\n").split(":", 2)[1:] for line in file)
    except FileNotFoundError:
        return ""
    unified = groups.get("", "/")
    return groups.get("name=systemd", "") if unified == "/" else unified


def lingers(user: str) -> bool:
    """Whether systemd lets the user's processes, and their service manager, stay after logout."""
    return bool(user) and os.path.exists(f"/var/lib/systemd/linger/{user}")


def _ask_for_scope(unit: str) -> bool:
    manager = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    wanted = ("2", "PIDs", "au", "1", str(os.getpid()), "CollectMode", "s", "inactive-or-failed")
    call = ("call", *manager, "StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", *wanted, "0")
    try:
        pid = os.posix_spawnp("busctl", ("busctl", "--user", f"--timeout={_ASK_SECS}", *call), os.environ)
    except OSError:
        return False
    return os.waitpid(pid, 0)[1] == 0


def _has_moved_to(unit: str, cgroup_file: str) -> bool:
    """systemd answers before it moves the process, and a process hears of its move only by looking."""
    deadline = time.monotonic() + _MOVE_SECS
    while f"/{unit}" not in _control_group(cgroup_file):
        if time.monotonic() > deadline:
            return False
        select.poll().poll(10)
    return True
