"""The cause of a change: the execution that last moved a story, until a person changes the story."""

import sqlite3
from typing import Any

from huskies_core.ids import StoryId

EXECUTION_ACTORS = ("timer:", "trigger:")


def link(db: sqlite3.Connection, story: StoryId, actor: str) -> dict[str, Any]:
    """Return `cause`, a journal position, and `depth` for a change of the story by `actor`, if an execution led to it.

    An execution becomes the cause. A change by a pass or a run keeps the cause; a change by a person removes it.
    """
    if actor.startswith(EXECUTION_ACTORS):
        cause = of_actor(db, actor)
        if cause:
            db.execute(
                "INSERT OR REPLACE INTO chains VALUES (:story, :cause, :depth)", {"story": story, **cause}
            )
        return cause
    if actor.startswith("user:"):
        db.execute("DELETE FROM chains WHERE story = ?", (story,))
        return {}
    row = db.execute("SELECT cause, depth FROM chains WHERE story = ?", (story,)).fetchone()
    return {} if row is None else dict(row)


def of_actor(db: sqlite3.Connection, actor: str) -> dict[str, Any]:
    """Return the open execution of `actor` with the greatest depth."""
    row = db.execute(
        "SELECT seq AS cause, depth FROM firings WHERE status = 'open' AND source = ? ORDER BY depth DESC LIMIT 1",
        (actor,),
    ).fetchone()
    return {} if row is None else dict(row)
