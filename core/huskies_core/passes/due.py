"""Ask in a few milliseconds whether a tick has work to do. Only sqlite3 and os are imported.

A question that cannot be answered counts as due: the tick then reports the error.
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
        is_dead=lambda directory: _is_free(os.path.join(state_dir, directory, "lock")),
    )
    return due is None or bool(due)


def config_stamp(state_dir: str) -> str:
    """Return modification time, size and inode of both configuration files, with - for a missing one."""
    return " ".join(_stamp(os.path.join(state_dir, name)) for name in ("project.toml", "agents.toml"))


def _is_free(lock: str) -> bool:
    """Return whether a lock is free. The probe is a shared lock without waiting: it never looks like a holder."""
    try:
        descriptor = os.open(lock, os.O_RDONLY)
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
