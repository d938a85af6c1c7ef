"""Whether the store itself knows of something to do, asked in a few milliseconds: imports sqlite3 and no more."""

import sqlite3
import time

_NEWS = """
SELECT (SELECT coalesce(max(seq), 0) FROM journal) > coalesce((SELECT seq FROM cursors WHERE name = 'auto-assign'), -1)
    OR EXISTS (SELECT 1 FROM journal WHERE kind IN ('transition', 'timer', 'trigger')
               AND seq > coalesce((SELECT seq FROM cursors WHERE name = 'audit-log'), 0))
    OR EXISTS (SELECT 1 FROM pass_times WHERE (due_at <= :now OR due_at > :now AND last_at > :now)
               AND pass NOT IN ('relay', 'notify'))
    OR EXISTS (SELECT 1 FROM timers WHERE state = 'armed' AND fire_at <= :now)
    OR (SELECT max(seq) FROM journal WHERE kind = 'transition')
         > max(coalesce((SELECT seq FROM cursors WHERE name = 'fire-triggers'), 0),
               (SELECT min(since) FROM triggers WHERE state = 'armed'))
    OR (SELECT count(*) FROM pass_times WHERE pass IN ('watchdog', 'reconcile')) < 2
    OR coalesce((SELECT value FROM facts WHERE key = 'config_stamp'), '') <> :stamp
    OR (:gateway OR coalesce((SELECT value FROM facts WHERE key = 'gateway'), '') <> '')
        AND (SELECT coalesce(max(seq), 0) FROM journal WHERE kind = 'transition')
              > coalesce((SELECT seq FROM cursors WHERE name = 'relay'), -1)
        AND NOT EXISTS (SELECT 1 FROM pass_times WHERE pass = 'relay' AND due_at > :now AND last_at <= :now)
    OR coalesce((SELECT value FROM facts WHERE key = 'notify'), '') <> ''
        AND (SELECT coalesce(max(seq), 0) FROM journal) > coalesce((SELECT seq FROM cursors WHERE name = 'notify'), 0)
        AND NOT EXISTS (SELECT 1 FROM pass_times WHERE pass = 'notify' AND due_at > :now AND last_at <= :now)
"""

_AT_WORK = """
SELECT 'runs/' || id FROM runs WHERE status <> 'ended'
UNION ALL SELECT 'firings/' || id FROM firings WHERE status = 'open'
UNION ALL SELECT 'notifications/' || id FROM notifications WHERE status = 'open'
"""


def at_work_without_news(database: str, stamp: str, *, gateway: bool) -> "list[str] | None":
    """The folders, below the database's, of what is at work, whose locks are to be looked at, when nothing else is due;
    None when something is, or nothing can be told.

    `stamp` is what the config files look like now; `gateway` is whether the environment names one. Whether the config
    does was written down when it was last read.
    """
    try:
        db = sqlite3.connect(f"file:{uri_path(database)}?mode=ro", uri=True, timeout=5)
        try:
            asked = {"now": _iso(time.time()), "stamp": stamp, "gateway": gateway}
            if db.execute(_NEWS, asked).fetchone()[0]:
                return None
            return [row[0] for row in db.execute(_AT_WORK)]
        finally:
            db.close()
    except sqlite3.Error:
        return None


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}Z"


def uri_path(path: str) -> str:
    """The characters that mean something in a URI file name of SQLite."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
