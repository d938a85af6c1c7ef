"""Asks in a few milliseconds whether a tick has anything to do. Imports nothing that is not needed for the question.

Whatever it cannot answer counts as due: the tick itself then says what is wrong.
"""

import fcntl
import os

from huskies_core.store.due import due_in


def is_due(state_dir: str) -> bool:
    due = due_in(
        os.path.join(state_dir, "state.db"),
        stamp=config_stamp(state_dir),
        gateway=bool(os.environ.get("HUSKIES_GATEWAY_URL")),
        is_dead=lambda directory: _is_free(os.path.join(state_dir, directory, "lock")),
    )
    return due is None or bool(due)


def config_stamp(state_dir: str) -> str:
    """What tells that a config file changed: modification time, size and inode of both, or that one is missing."""
    return " ".join(_stamp(os.path.join(state_dir, name)) for name in ("project.toml", "agents.toml"))


def _is_free(lock: str) -> bool:
    """Probes like the supervisor's own liveness does: shared, without waiting, so that it never looks like a holder."""
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
        found = os.stat(path)
    except OSError:
        return "-"
    return f"{found.st_mtime_ns}:{found.st_size}:{found.st_ino}"
