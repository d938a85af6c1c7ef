"""relay: tells a gateway of each transition, in order; what it could not take is late, never lost."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.gateway.address import Gateway, parse_gateway, project_of, url_of
from huskies_core.gateway.connection import Line, open_line
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.frames import frames_of
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import cursors, journal, metadata, pass_times
from huskies_core.store.connection import Connection
from huskies_core.store.journal import Entry

NAME = "relay"
FIRST_FRAME = "relay-first-frame"
"""The cursor of transitions that are two frames: the first of them is sent."""
LONGEST_WAIT_SECS = 60

Lines = Callable[[Gateway], AbstractContextManager[Line]]


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    """Nothing without a gateway, and nothing before the wait after a failure is over."""
    if _gateway(snapshot.context) is None or _waits(snapshot.context, snapshot.db):
        return ()
    news = journal.count_transitions_after(snapshot.db, _position(snapshot.db))
    return (PlannedStep(Verb.SEND_EVENTS, detail=_told(news)),) if news else ()


def apply(context: Context, _: PlannedStep, *, lines: Lines, jitter: Callable[[], float]) -> str:
    """Sends what there is over one line. The cursor moves with each frame that the gateway has: killed in between, the
    next call sends at most the one in flight again. After a failure the time of the next try is written down."""
    note_gateway(context)
    gateway = _gateway(context)
    if gateway is None:
        return ""
    try:
        return _told(_send_all(context, gateway, lines))
    except HuskiesError as error:
        _put_off(context, error.message, jitter())
        raise


@dataclass(frozen=True)
class Unreached:
    """A gateway that could not be reached so often in a row; `why` holds neither its address nor a token. `waiting` is
    how many transitions are to be sent."""

    failures: int
    why: str
    next_try: datetime | None
    waiting: int


def unreached(context: Context, db: Connection) -> Unreached | None:
    """None where no gateway is set, or the last try went well."""
    failures = _failures(db)
    if not failures or not is_on(context):
        return None
    waiting = journal.count_transitions_after(db, _position(db))
    why = metadata.get(db, metadata.RELAY_TROUBLE) or ""
    return Unreached(failures, why, pass_times.get(db, NAME).due_at, waiting)


def note_gateway(context: Context) -> None:
    """Writes down whether the config sets a gateway, for who cannot read it; and where the events for it begin.

    They begin with what auto-assign has not seen when a gateway is set for the first time: what was over before is not
    told. One that is taken out and set again gets what happened meanwhile.
    """
    configured = "set" if context.config.project.gateway_url else ""
    with context.store.reading() as db:
        noted = (metadata.get(db, metadata.GATEWAY) or "") == configured
        begun = cursors.find(db, NAME) is not None or not is_on(context)
    if noted and begun:
        return
    with context.store.exclusive() as db:
        metadata.put(db, metadata.GATEWAY, configured)
        if not begun:
            cursors.move(db, NAME, cursors.get(db, AUTO_ASSIGN.name))


def is_on(context: Context) -> bool:
    """Whether a gateway is set, in the config or else in the environment."""
    return bool(url_of(context.config.project.gateway_url, context.environ))


def is_due(context: Context) -> bool:
    """Whether there is something to send and no wait to be waited."""
    if not is_on(context):
        return False
    with context.store.reading() as db:
        return journal.last_transition(db) > _position(db) and not _waits(context, db)


def relay_pass(lines: Lines = open_line, jitter: Callable[[], float] | None = None) -> Pass:
    """The pass over `lines`; `jitter` is what each wait is multiplied by, by default 1 with 10 % to either side."""
    spread = jitter or partial(random.uniform, 0.9, 1.1)
    return Pass(NAME, plan, one_by_one(partial(apply, lines=lines, jitter=spread)))


def _gateway(context: Context) -> Gateway | None:
    settings = context.config.project
    url = url_of(settings.gateway_url, context.environ)
    if not url:
        return None
    folder = context.project.root.name
    return parse_gateway(url, project_of(settings.gateway_project, context.environ, folder))


def _send_all(context: Context, gateway: Gateway, lines: Lines) -> int:
    sent = 0
    with lines(gateway) as line:
        while news := _next(context):
            for entry in news:
                _send(context, line, entry)
            sent += len(news)
    return sent


def _next(context: Context) -> tuple[Entry, ...]:
    with context.store.reading() as db:
        return journal.transitions_after(db, _position(db))


def _send(context: Context, line: Line, entry: Entry) -> None:
    """The frames of one transition; the first of two is passed over when it was sent before."""
    frames = frames_of(entry)
    with context.store.reading() as db:
        begun = len(frames) > 1 and cursors.get(db, FIRST_FRAME) == entry.seq
    for number, frame in enumerate(frames[begun:], start=1 + begun):
        line.send(frame)
        with context.store.exclusive() as db:
            cursors.move(db, NAME if number == len(frames) else FIRST_FRAME, entry.seq)
            if _failures(db):
                metadata.put(db, metadata.RELAY_FAILURES, "0")
                pass_times.record(db, NAME, last_at=context.now(), due_at=None)


def _put_off(context: Context, why: str, jitter: float) -> None:
    """After one failure the next try waits a second, after each further one twice as long."""
    now = context.now()
    with context.store.exclusive() as db:
        failures = _failures(db) + 1
        wait = min(2 ** min(failures - 1, 10), LONGEST_WAIT_SECS) * jitter
        metadata.put(db, metadata.RELAY_FAILURES, str(failures))
        metadata.put(db, metadata.RELAY_TROUBLE, why)
        pass_times.record(db, NAME, last_at=now, due_at=now + timedelta(seconds=wait))


def _waits(context: Context, db: Connection) -> bool:
    return pass_times.get(db, NAME).waits(context.now())


def _position(db: Connection) -> int:
    found = cursors.find(db, NAME)
    return cursors.get(db, AUTO_ASSIGN.name) if found is None else found


def _failures(db: Connection) -> int:
    return int(metadata.get(db, metadata.RELAY_FAILURES) or "0")


def _told(events: int) -> str:
    return f"{events} event{'' if events == 1 else 's'}"


RELAY = relay_pass()
