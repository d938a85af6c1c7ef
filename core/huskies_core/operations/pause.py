"""Pausing: no pass starts an agent until somebody resumes."""

from huskies_core.context import Context
from huskies_core.operations.documents import Document
from huskies_core.operations.drafts import check_text
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.store import pauses
from huskies_core.store.connection import STORE_WAIT_SECS
from huskies_core.store.pauses import Pause


def pause_starting(context: Context, reason: str = "", *, wait: float = STORE_WAIT_SECS) -> Pause:
    """The pause that is on afterwards: one that was on before is left as it is. Runs that are live go on, and so do
    gates and merges; a person may start an agent all the same. Raises HuskiesError `inside_a_run`, and LockBusy when
    the store stays busy for `wait` seconds."""
    refuse_inside_run(context)
    check_text("reason", reason)
    with context.store.exclusive(wait) as db:
        return pauses.begin(db, reason, actor=context.actor, now=context.now())


def resume_starting(context: Context, *, wait: float = STORE_WAIT_SECS) -> Pause | None:
    """The pause that it ended; None where none was on. Raises as `pause_starting` does."""
    refuse_inside_run(context)
    with context.store.exclusive(wait) as db:
        return pauses.end(db, actor=context.actor, now=context.now())


def is_paused(context: Context) -> bool:
    with context.store.reading() as db:
        return pauses.get(db) is not None


def pause_document(pause: Pause | None) -> Document | None:
    return None if pause is None else {"by": pause.by, "since": pause.since, "reason": pause.reason}
