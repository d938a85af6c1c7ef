"""Check in a few milliseconds whether a tick has work to do. It imports only fcntl, os, sqlite3 and time.

If the check fails, the tick counts as due and reports the error.
"""

import fcntl
import os

from huskies_core.store.due import due_in


def is_due(state_dir: str) -> bool:
    """Return whether a pass is due, a live run or job has a free lock, or a configuration file changed."""
    due = due_in(
        os.path.join(state_dir, "state.db"),
        stamp=config_stamp(state_dir),
        gateway=bool(os.environ.get("HUSKIES_GATEWAY_URL")),
        is_dead=lambda directory: is_dead(state_dir, directory),
    )
    return due is None or bool(due)


def config_stamp(state_dir: str) -> str:
    """Return the modification time, size and inode of both configuration files, or - for a missing file."""
    return " ".join(_stamp(os.path.join(state_dir, name)) for name in ("project.toml", "agents.toml"))


def is_dead(state_dir: str, directory: str) -> bool:
    """Return whether the lock of a run or job is free. The probe is a shared lock that blocks no other probe."""
    try:
        descriptor = os.open(os.path.join(state_dir, directory, "lock"), os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _stamp(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return "-"
    return f"{status.st_mtime_ns}:{status.st_size}:{status.st_ino}"
