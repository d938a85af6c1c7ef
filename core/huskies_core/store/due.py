"""Read from the store which passes are due, in a few milliseconds. The module imports only sqlite3 and time."""

import sqlite3
import time

TYPE_CHECKING = False  # Importing typing takes longer than the query.
if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = "config"
"""Due if a configuration file has changed since it was last read."""
DEAD_RUNS = "dead-runs"
"""Due if the supervisor of a live run is dead."""

_WAITS = (
    "EXISTS (SELECT 1 FROM pass_times WHERE pass = '{0}' AND due_at > :now AND coalesce(last_at, '') <= :now)"
)
_BEHIND = "(SELECT coalesce(max(seq), 0) FROM journal{1}) > coalesce((SELECT seq FROM cursors WHERE name = '{0}'), {2})"

_DUE = f"""
SELECT pass FROM pass_times
    WHERE (due_at <= :now OR due_at > :now AND last_at > :now) AND pass NOT IN ('relay', 'notify')
UNION ALL SELECT 'watchdog' WHERE NOT {_WAITS.format("watchdog")}
UNION ALL SELECT 'reconcile' WHERE NOT {_WAITS.format("reconcile")}
UNION ALL SELECT 'auto-assign' WHERE {_BEHIND.format("auto-assign", "", -1)}
UNION ALL SELECT 'audit-log' WHERE EXISTS (SELECT 1 FROM journal WHERE kind IN ('transition', 'timer', 'trigger')
    AND seq > coalesce((SELECT seq FROM cursors WHERE name = 'audit-log'), 0))
UNION ALL SELECT 'fire-timers' WHERE EXISTS (SELECT 1 FROM timers WHERE state = 'armed' AND fire_at <= :now)
UNION ALL SELECT 'fire-triggers' WHERE (SELECT max(seq) FROM journal WHERE kind = 'transition')
    > max(coalesce((SELECT seq FROM cursors WHERE name = 'fire-triggers'), 0),
          (SELECT min(since) FROM triggers WHERE state = 'armed'))
UNION ALL SELECT 'notify' WHERE coalesce((SELECT value FROM facts WHERE key = 'notify'), '') <> ''
    AND {_BEHIND.format("notify", "", 0)} AND NOT {_WAITS.format("notify")}
UNION ALL SELECT 'relay' WHERE (:gateway OR coalesce((SELECT value FROM facts WHERE key = 'gateway'), '') <> '')
    AND {_BEHIND.format("relay", " WHERE kind = 'transition'", -1)} AND NOT {_WAITS.format("relay")}
UNION ALL SELECT '{CONFIG}' WHERE coalesce((SELECT value FROM facts WHERE key = 'config_stamp'), '') <> :stamp
"""
"""If `last_at` is later than now, the clock was set back since, and `due_at` does not count."""

_OPEN = f"""
SELECT '{DEAD_RUNS}', 'runs/' || id FROM runs WHERE status <> 'ended'
UNION ALL SELECT 'fire-' || substr(source, 1, instr(source, ':') - 1) || 's', 'firings/' || id
    FROM firings WHERE status = 'open'
UNION ALL SELECT 'notify', 'notifications/' || id FROM notifications WHERE status = 'open'
"""
"""The live runs and open jobs, each with its directory and the pass that ends it if its process is dead."""


def due_passes(
    db: sqlite3.Connection, now: str, *, stamp: str, gateway: bool, is_dead: "Callable[[str], bool]"
) -> frozenset[str]:
    """Return the names of the passes that are due at `now` (ISO 8601), with CONFIG and DEAD_RUNS.

    `stamp` describes the current configuration files; `gateway` is true if the environment sets a gateway. `is_dead`
    returns whether the lock in a directory, relative to the state directory, is free.
    """
    due = {row[0] for row in db.execute(_DUE, {"now": now, "stamp": stamp, "gateway": gateway})}
    return frozenset(due.union(row[0] for row in db.execute(_OPEN) if is_dead(row[1])))


def due_in(
    database: str, *, stamp: str, gateway: bool, is_dead: "Callable[[str], bool]"
) -> "frozenset[str] | None":
    """Return `due_passes` for a database and the current time; None if the database cannot be read."""
    try:
        db = sqlite3.connect(f"file:{uri_path(database)}?mode=ro", uri=True, timeout=5)
        try:
            return due_passes(db, _iso(time.time()), stamp=stamp, gateway=gateway, is_dead=is_dead)
        finally:
            db.close()
    except sqlite3.Error:
        return None


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}Z"


def uri_path(path: str) -> str:
    """Return a path for a URI file name of SQLite."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
