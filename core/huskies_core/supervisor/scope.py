"""Move of a run to a systemd scope of its own, where systemd would otherwise kill it with its launcher.

A oneshot unit kills its processes when it ends, so a run that starts there moves to a scope. A run of a plain login
session does not move: a scope dies with the user's service manager, which ends at logout without lingering, while the
session's processes may live on.
"""

import os
import re

from huskies_core.waiting import wait_until

_TIMEOUT_SECS = 2
_MOVE_SECS = 1.0
_USER_SERVICE = re.compile(r"/user@\d+\.service/(?:.*/)?[^/]+\.service(?:/|$)")
_LOGIN_SESSION = re.compile(r"/user\.slice/user-\d+\.slice/session-[^/]+\.scope(?:/|$)")


def needs_scope(cgroup: str, *, lingers: bool) -> bool:
    """Return whether a process of that control group (a path as in /proc/PID/cgroup) lives longer in a scope."""
    return bool(_USER_SERVICE.search(cgroup)) or (lingers and bool(_LOGIN_SESSION.search(cgroup)))


def leave_control_group(name: str, cgroup_file: str = "/proc/self/cgroup") -> str:
    """Move this process and its later children to a scope if that helps. Return "scope" if it moved, else "session"."""
    unit = f"{name}.scope"
    if not needs_scope(_read_cgroup(cgroup_file), lingers=lingers(os.environ.get("USER", ""))):
        return "session"
    # systemd moves the process after its answer. The process sees the move only in its cgroup file.
    has_moved = _request_scope(unit) and wait_until(
        lambda: f"/{unit}" in _read_cgroup(cgroup_file), _MOVE_SECS
    )
    return "scope" if has_moved else "session"


def lingers(user: str) -> bool:
    """Return whether systemd keeps the user's processes and service manager after logout."""
    return bool(user) and os.path.exists(f"/var/lib/systemd/linger/{user}")


def _read_cgroup(cgroup_file: str) -> str:
    """Return the path in the unified hierarchy, or in systemd's own of the old layout; "" without either."""
    try:
        with open(cgroup_file) as file:
            groups = dict(line.rstrip("\n").split(":", 2)[1:] for line in file)
    except FileNotFoundError:
        return ""
    unified = groups.get("", "/")
    return groups.get("name=systemd", "") if unified == "/" else unified


def _request_scope(unit: str) -> bool:
    manager = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    properties = ("2", "PIDs", "au", "1", str(os.getpid()), "CollectMode", "s", "inactive-or-failed")
    call = ("call", *manager, "StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", *properties, "0")
    argv = ("busctl", "--user", f"--timeout={_TIMEOUT_SECS}", *call)
    try:
        pid = os.posix_spawnp("busctl", argv, os.environ)
    except OSError:
        return False
    return os.waitpid(pid, 0)[1] == 0
