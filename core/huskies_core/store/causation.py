"""What led to what: a row about a story carries the firing that moved the story, until a person touches it."""

import sqlite3
from typing import Any

FIRING_ACTORS = ("timer:", "trigger:")


def link(db: sqlite3.Connection, story: int, actor: str) -> dict[str, Any]:
    """`cause`, a journal position, and `depth` of what `actor` does to a story now; nothing where no firing led to it.

    A firing begins or lengthens the story's chain, passes and runs hand it on, a person ends it.
    """
    if actor.startswith(FIRING_ACTORS):
        firing = of_actor(db, actor)
        if firing:
            values = {"story": story, **firing}
            db.execute("INSERT OR REPLACE INTO chains VALUES (:story, :cause, :depth)", values)
        return firing
    if actor.startswith("user:"):
        db.execute("DELETE FROM chains WHERE story = ?", (story,))
        return {}
    row = db.execute("SELECT cause, depth FROM chains WHERE story = ?", (story,)).fetchone()
    return {} if row is None else dict(row)


def of_actor(db: sqlite3.Connection, actor: str) -> dict[str, Any]:
    """The open firing in whose name `actor` acts; of several the one that most others led to."""
    row = db.execute(
        "SELECT seq AS cause, depth FROM firings WHERE status = 'open' AND source = ? ORDER BY depth DESC LIMIT 1",
        (actor,),
    ).fetchone()
    return {} if row is None else dict(row)
