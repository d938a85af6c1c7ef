"""Asks in a few milliseconds whether a tick has anything to do. Imports nothing that is not needed for the question.

Whatever it cannot answer counts as due: the tick itself then says what is wrong.
"""

import fcntl
import os
import sqlite3
import time

PERIODIC = ("watchdog", "reconcile")
_NEWS = """
SELECT (SELECT coalesce(max(seq), 0) FROM journal) > coalesce((SELECT seq FROM cursors WHERE name = 'auto-assign'), -1)
    OR (SELECT coalesce(max(seq), 0) FROM journal WHERE kind = 'transition')
         > coalesce((SELECT seq FROM cursors WHERE name = 'audit-log'), 0)
    OR EXISTS (SELECT 1 FROM pass_times WHERE due_at <= :now)
    OR (SELECT count(*) FROM pass_times WHERE pass IN ('watchdog', 'reconcile')) < 2
    OR coalesce((SELECT value FROM facts WHERE key = 'config_stamp'), '') <> :stamp
"""


def is_due(state_dir: str) -> bool:
    try:
        db = sqlite3.connect(f"file:{_quoted(os.path.join(state_dir, 'state.db'))}?mode=ro", uri=True, timeout=5)
        try:
            return _asks(db, state_dir)
        finally:
            db.close()
    except sqlite3.Error:
        return True


def config_stamp(state_dir: str) -> str:
    """What tells that a config file changed: modification time, size and inode of both, or that one is missing."""
    return " ".join(_stamp(os.path.join(state_dir, name)) for name in ("project.toml", "agents.toml"))


def _asks(db: sqlite3.Connection, state_dir: str) -> bool:
    known = {"now": _iso(time.time()), "stamp": config_stamp(state_dir)}
    if db.execute(_NEWS, known).fetchone()[0]:
        return True
    live = db.execute("SELECT id FROM runs WHERE status <> 'ended'").fetchall()
    return any(_is_free(os.path.join(state_dir, "runs", str(row[0]), "lock")) for row in live)


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


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}Z"


def _quoted(path: str) -> str:
    """The characters that mean something in a URI file name of SQLite."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
