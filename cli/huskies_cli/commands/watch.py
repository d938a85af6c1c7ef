"""`huskies watch`: the passes in a loop, and the only loop there is."""

import signal
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import typer

from huskies_cli.journal_lines import entry_line
from huskies_cli.live.terminal import is_usable
from huskies_cli.options import seconds
from huskies_cli.output import Result, Stream
from huskies_cli.relay_thread import Relaying
from huskies_cli.session import Session, session_of
from huskies_cli.systemd import notify
from huskies_cli.watch_loop import Line, Loop
from huskies_core.context import open_context
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.sanitize import one_line

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
NoUi = Annotated[bool, typer.Option("--no-ui", help="Lines as they come, on a terminal too.")]


def watch(ctx: typer.Context, interval: Interval = 1.0, no_ui: NoUi = False) -> Result | Stream:
    """Run the passes in a loop, with a live board.

    Begins with reconcile and auto-assign, then ticks. On a terminal it shows a live board, with its keys on '?'; else
    one line for each action of a pass and for each transition of a story, whoever made it. Ctrl-C or SIGTERM ends it at
    once and leaves running agents running. Under systemd it reports READY and WATCHDOG.
    """
    session = session_of(ctx)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if not (no_ui or session.json) and is_usable():
        from huskies_cli.live.screen_loop import look

        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # the terminal may be there still
            signal.signal(signal.SIGHUP, lambda *_: sys.exit(0))
        look(session, interval)
        return Result()
    return Stream(_lines(session, interval), _text)


def _lines(session: Session, interval: float) -> Iterator[Line]:
    with open_context(session.start) as context:
        refuse_inside_run(context)
        loop = Loop(context, Relaying(session.start, interval))
        yield from loop.start_up()
        notify("READY=1")
        while True:
            yield from loop.tick()
            notify("WATCHDOG=1")
            time.sleep(interval)


def _text(line: Line) -> str:
    """The time of day, then what was said, what happened to a story, or what a pass did."""
    clock = str(line["at"])[11:19]
    if "seq" in line:
        return entry_line(line, clock)
    return f"{clock} {one_line(str(line.get('message') or line['line']))}"
