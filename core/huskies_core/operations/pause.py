"""Pauses: no pass starts an agent until a person resumes."""

from typing import Annotated

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.operations.drafts import check_text
from huskies_core.operations.operation import RUNS, Command, operation
from huskies_core.operations.record_json import pick
from huskies_core.store import pauses
from huskies_core.store.connection import STORE_WAIT_SECS
from huskies_core.store.pauses import Pause


def pause_json(pause: Pause | None) -> dict[str, object] | None:
    return None if pause is None else pick(pause, "by", "since", "reason")


@operation(
    "pause_starting", Command("pause", RUNS), json=lambda pause: {"pause": pause_json(pause)}, writes=True
)
def pause_starting(
    context: Context,
    reason: Annotated[str, Argument("The reason, for the board.", metavar="TEXT")] = "",
    *,
    wait: float = STORE_WAIT_SECS,
) -> Pause:
    """Start no more agents.

    Live runs, gates and merges continue, and a person can still start an agent. A second pause changes nothing.
    """
    check_text("reason", reason)
    with context.store.exclusive(wait) as db:
        return pauses.begin(db, reason, actor=context.actor, now=context.now())


@operation(
    "resume_starting",
    Command("resume", RUNS),
    json=lambda ended: {"pause": None, "ended": pause_json(ended)},
    writes=True,
)
def resume_starting(context: Context, *, wait: float = STORE_WAIT_SECS) -> Pause | None:
    """Start agents again.

    This ends a pause. Without a pause it changes nothing.
    """
    with context.store.exclusive(wait) as db:
        return pauses.end(db, actor=context.actor, now=context.now())


def is_paused(context: Context) -> bool:
    """Return whether no pass starts agents."""
    with context.store.reading() as db:
        return pauses.get(db) is not None
