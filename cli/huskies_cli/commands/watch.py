"""`huskies watch`: the passes in a loop, and the only loop there is."""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated

import typer

from huskies_cli.entries import entry_line
from huskies_cli.options import seconds
from huskies_cli.output import Stream
from huskies_cli.relaying import Relaying
from huskies_cli.reports import told_of
from huskies_cli.session import Session, session_of
from huskies_cli.systemd import notify
from huskies_core.agents.inside import refuse_inside_run
from huskies_core.clock import to_iso
from huskies_core.context import Context, open_context
from huskies_core.errors import HuskiesError
from huskies_core.passes import ordering
from huskies_core.passes.actions import PassReport
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.due import config_stamp, is_due
from huskies_core.store import journal
from huskies_core.text import one_line
from huskies_core.tools.documents import entry_document

LEAST_INTERVAL_SECS = 0.1
"""Less would keep a core busy with asking."""


def interval_seconds(text: str) -> float:
    value = seconds(text)
    if value < LEAST_INTERVAL_SECS:
        raise ValueError(f"{text} is too short: {LEAST_INTERVAL_SECS:g} seconds at least")
    return value


Interval = Annotated[
    float,
    typer.Option("--interval", parser=interval_seconds, metavar="SECS", help="Seconds between two ticks."),
]
Line = Mapping[str, object]
Run = Callable[[], tuple[PassReport, ...]]


def watch(ctx: typer.Context, interval: Interval = 1.0) -> Stream:
    """Run the passes in a loop.

    Begins with reconcile and auto-assign, then ticks. One line for each action of a pass and for each transition of a
    story, whoever made it. Ctrl-C or SIGTERM ends it at once and leaves running agents running. Under systemd it
    reports READY and WATCHDOG.
    """
    session = session_of(ctx)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    return Stream(_lines(session, interval), _text)


def _lines(session: Session, interval: float) -> Iterator[Line]:
    with open_context(session.start) as context:
        refuse_inside_run(context)
        loop = _Loop(context, Relaying(session.start, interval))
        yield from loop.start_up()
        notify("READY=1")
        while True:
            yield from loop.tick()
            notify("WATCHDOG=1")
            time.sleep(interval)


class _Loop:
    """One watch: remembers what the config files looked like, and what it has complained of."""

    def __init__(self, context: Context, relaying: Relaying) -> None:
        self.context = context
        self.relaying = relaying
        self.state = str(context.project.state_dir)
        self.stamp = config_stamp(self.state)
        self.complaints: list[str] = []
        with context.store.reading() as db:
            self.seen = journal.head(db)

    def start_up(self) -> Iterator[Line]:
        yield from self._reported(lambda: ordering.reconcile(self.context))
        yield from self._reported(lambda: ordering.run_in_order(self.context, [AUTO_ASSIGN]))
        yield self._message("startup reconcile complete")
        self.relaying.start()

    def tick(self) -> Iterator[Line]:
        """What is due, and nothing when nothing is: the store is asked, no lock is taken."""
        stamp = config_stamp(self.state)
        changed = stamp != self.stamp
        if changed:
            self.stamp = stamp
            self.context.forget_config()
        # A tick that had the old files in hand while they changed has noted the new ones as read.
        if changed or is_due(self.state):
            yield from self._reported(lambda: ordering.tick(self.context, relay=None))
        yield from self._relayed()
        yield from self._happened()

    def _happened(self) -> Iterator[Line]:
        """The transitions since the last look, whoever made them: this loop, the end of a run, or a person."""
        with self.context.store.reading() as db:
            news = journal.transitions_after(db, self.seen)
        for entry in news:
            self.seen = entry.seq
            yield {**entry_document(entry), "outcome": "done"}

    def _reported(self, run: Run) -> Iterator[Line]:
        """What the passes did. What keeps failing in the same words, such as a broken config, is said once."""
        try:
            lines = list(told_of(run(), self.context.now()))
        except HuskiesError as error:
            lines = [{**self._message(error.message), "outcome": "failed"}]
        failed = [str(line.get("message") or line["line"]) for line in lines if line["outcome"] == "failed"]
        repeated = failed == self.complaints
        self.complaints = failed
        yield from (line for line in lines if not (repeated and line["outcome"] == "failed"))
        yield from self._happened()

    def _relayed(self) -> Iterator[Line]:
        for report in self.relaying.news():
            yield from told_of([report], self.context.now())

    def _message(self, text: str) -> Line:
        return {"at": to_iso(self.context.now()), "message": text, "outcome": "done"}


def _text(line: Line) -> str:
    """The time of day, then what was said, what happened to a story, or what a pass did."""
    clock = str(line["at"])[11:19]
    if "seq" in line:
        return f"{clock} {entry_line(line).partition('Z')[2].strip()}"
    return f"{clock} {one_line(str(line.get('message') or line['line']))}"
