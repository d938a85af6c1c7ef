"""relay: send each transition to a gateway, in order. If the gateway does not answer, events wait and none is lost."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from huskies_core.clock import from_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.gateway import (
    Gateway,
    GatewayConnection,
    open_connection,
    parse_gateway,
    project_of,
    url_of,
)
from huskies_core.humanize import format_count
from huskies_core.ids import Seq
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.pipeline.events import Block, MergeFailed
from huskies_core.pipeline.stages import StageName
from huskies_core.sanitize import tail
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import journal, metadata, pass_times
from huskies_core.store.connection import Connection
from huskies_core.store.journal import JournalEntry

NAME = "relay"
FIRST_FRAME = "relay-first-frame"
"""The cursor for transitions with two frames: the first frame was sent for all transitions up to it."""
LONGEST_REASON = 4000
LONGEST_WAIT_SECS = 60

Connect = Callable[[Gateway], AbstractContextManager[GatewayConnection]]


def plan(snapshot: Snapshot) -> Iterator[PlannedStep]:
    """Yield one step if events wait, unless there is no gateway or the delay after a failure has not passed."""
    if _gateway(snapshot.context) is None or pass_times.get(snapshot.db, NAME).waits(snapshot.now):
        return
    events = journal.count_transitions_after(snapshot.db, _position(snapshot.db))
    if events:
        yield PlannedStep(Verb.SEND_EVENTS, detail=format_count(events, "event"))


def apply(context: Context, _: PlannedStep, *, connect: Connect, jitter: Callable[[], float]) -> str:
    """Send all events over one connection.

    The cursor moves with each acknowledged frame, so after a crash at most the frame in flight is sent twice. After a
    failure, record the time of the next attempt.
    """
    note_gateway(context)
    gateway = _gateway(context)
    if gateway is None:
        return ""
    sent = 0
    try:
        with connect(gateway) as connection:
            while entries := _next(context):
                for entry in entries:
                    _send(context, connection, entry)
                sent += len(entries)
    except HuskiesError as error:
        _record_failure(context, error.message, jitter())
        raise
    return format_count(sent, "event")


class Unreached(Struct, frozen=True):
    """A gateway that did not answer: `failures` in a row, the last reason, and the number of `waiting` transitions.

    `why` contains neither the address of the gateway nor a token.
    """

    failures: int
    why: str
    next_try: datetime | None
    waiting: int


def unreached(context: Context, db: Connection) -> Unreached | None:
    """Return the state of the failed gateway; None if no gateway is set, or if the last attempt succeeded."""
    failures = _failures(db)
    if not failures or not is_on(context):
        return None
    waiting = journal.count_transitions_after(db, _position(db))
    why = metadata.get(db, metadata.RELAY_TROUBLE) or ""
    return Unreached(failures, why, pass_times.get(db, NAME).due_at, waiting)


def note_gateway(context: Context) -> None:
    """Record whether the configuration sets a gateway, and the position of the first event for it.

    The first gateway gets the transitions after the cursor of auto-assign, and no earlier ones. A gateway that is
    removed and set again gets the transitions in between.
    """
    configured = "set" if context.config.project.gateway_url else ""
    with context.store.reading() as db:
        recorded = (metadata.get(db, metadata.GATEWAY) or "") == configured
        has_position = journal.find_cursor(db, NAME) is not None or not is_on(context)
    if recorded and has_position:
        return
    with context.store.exclusive() as db:
        metadata.put(db, metadata.GATEWAY, configured)
        if not has_position:
            journal.move_cursor(db, NAME, journal.cursor(db, AUTO_ASSIGN.name))


def is_on(context: Context) -> bool:
    """Return whether the configuration or the environment sets a gateway."""
    return bool(url_of(context.config.project.gateway_url, context.environ))


def relay_pass(
    connect: Connect = open_connection, jitter: Callable[[], float] | None = None
) -> Pass[PlannedStep]:
    """Return the pass. `connect` opens its connections; `jitter`, by default 0.9 to 1.1, multiplies each delay."""
    spread = jitter or partial(random.uniform, 0.9, 1.1)
    return Pass(NAME, plan, one_by_one(partial(apply, connect=connect, jitter=spread)))


def frames_of(entry: JournalEntry) -> tuple[str, ...]:
    """Return the frames as lines of JSON, first to send first."""
    frames = [_frame(entry, "stage_transition", from_stage=entry.before or "", to_stage=entry.after)]
    if entry.event == MergeFailed.name and entry.before != StageName.MERGE_FAILURE:
        kind, detail = entry.detail["kind"], entry.detail["detail"]
        reason = tail(f"{kind}: {detail}" if detail else kind, LONGEST_REASON)
        frames.append(_frame(entry, "merge_failure", reason=reason))
    if entry.event == Block.name:
        frames.append(_frame(entry, "story_blocked", reason=tail(entry.detail["reason"], LONGEST_REASON)))
    return tuple(frames)


def _frame(entry: JournalEntry, kind: str, **facts: str | None) -> str:
    moment = round(from_iso(entry.at).timestamp() * 1000)
    return json.dumps({"type": kind, "story_id": str(entry.story), **facts, "timestamp_ms": moment})


def _gateway(context: Context) -> Gateway | None:
    settings = context.config.project
    url = url_of(settings.gateway_url, context.environ)
    if not url:
        return None
    folder = context.project.root.name
    return parse_gateway(url, project_of(settings.gateway_project, context.environ, folder))


def _next(context: Context) -> tuple[JournalEntry, ...]:
    with context.store.reading() as db:
        return journal.transitions_after(db, _position(db))


def _send(context: Context, connection: GatewayConnection, entry: JournalEntry) -> None:
    """Send the frames of one transition. Skip a first frame that was sent before."""
    frames = frames_of(entry)
    with context.store.reading() as db:
        sent = len(frames) > 1 and journal.cursor(db, FIRST_FRAME) == entry.seq
    for number, frame in enumerate(frames[sent:], start=1 + sent):
        connection.send(frame)
        with context.store.exclusive() as db:
            journal.move_cursor(db, NAME if number == len(frames) else FIRST_FRAME, entry.seq)
            if _failures(db):
                metadata.put(db, metadata.RELAY_FAILURES, "0")
                pass_times.record(db, NAME, last_at=context.now(), due_at=None)


def _record_failure(context: Context, why: str, jitter: float) -> None:
    """Record a failure and the time of the next attempt. The delay begins at 1 s and doubles up to a minute."""
    now = context.now()
    with context.store.exclusive() as db:
        failures = _failures(db) + 1
        wait = min(2 ** min(failures - 1, 10), LONGEST_WAIT_SECS) * jitter
        metadata.put(db, metadata.RELAY_FAILURES, str(failures))
        metadata.put(db, metadata.RELAY_TROUBLE, why)
        pass_times.record(db, NAME, last_at=now, due_at=now + timedelta(seconds=wait))


def _position(db: Connection) -> Seq:
    position = journal.find_cursor(db, NAME)
    return journal.cursor(db, AUTO_ASSIGN.name) if position is None else position


def _failures(db: Connection) -> int:
    return int(metadata.get(db, metadata.RELAY_FAILURES) or "0")


RELAY = relay_pass()
