"""`huskies watch`: the passes in a loop."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated

from huskies_cli.command import Outcome, own_command
from huskies_cli.journal_lines import entry_line
from huskies_cli.live.terminal import is_usable
from huskies_cli.output import Result, Stream
from huskies_cli.reports import action_json, line_of
from huskies_cli.session import Session
from huskies_core.argument import Argument, parse_seconds
from huskies_core.clock import to_iso
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.operation import PASSES, Command
from huskies_core.operations.record_json import entry_json
from huskies_core.passes.steps import StepOutcome
from huskies_core.passes.watch_loop import LoopEvent, PassStep, WatchLoop
from huskies_core.sanitize import one_line
from huskies_core.store.journal import JournalEntry

LEAST_INTERVAL_SECS = 0.1
"""A shorter interval keeps a core busy."""


def parse_interval(text: str) -> float:
    value = parse_seconds(text)
    if value < LEAST_INTERVAL_SECS:
        raise ValueError(f"{text} is too short: {LEAST_INTERVAL_SECS:g} seconds at least")
    return value


@own_command(Command("watch", PASSES))
def watch(
    session: Session,
    *,
    interval: Annotated[
        float, Argument("Seconds between two ticks.", metavar="SECS", parse=parse_interval)
    ] = 1.0,
    no_ui: Annotated[bool, Argument("Print lines instead of the board, also on a terminal.")] = False,
) -> Outcome:
    """Run the passes in a loop, with a live board.

    The command runs reconcile and auto-assign once, then a tick each interval. On a terminal it shows a live board; '?'
    lists the keys. Elsewhere it prints a line for each action of a pass and each transition of a story. Ctrl-C or
    SIGTERM ends the loop at once; live agents continue. Under systemd the command reports READY and WATCHDOG.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if not (no_ui or session.json) and is_usable():
        from huskies_cli.live.screen_loop import show_board

        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup and the like keep the loop
            signal.signal(signal.SIGHUP, lambda *_: sys.exit(0))
        show_board(session, interval)
        return Result()
    return Stream(_lines(session, interval), _text)


def _lines(session: Session, interval: float) -> Iterator[dict[str, object]]:
    with session.open() as context:
        refuse_inside_run(context)
        loop = WatchLoop(context, session.start, interval)
        yield from map(_event_json, loop.start_up())
        _notify_systemd("READY=1")
        while True:
            yield from map(_event_json, loop.tick())
            _notify_systemd("WATCHDOG=1")
            time.sleep(interval)


def _event_json(event: LoopEvent) -> dict[str, object]:
    """Return an event of `watch` as a JSON object: a row of the journal has `seq`, a step has `line`, and the rest
    have `message`."""
    if isinstance(event, JournalEntry):
        return {**entry_json(event), "outcome": StepOutcome.DONE.value}
    at = to_iso(event.at)
    if isinstance(event, PassStep):
        return {"at": at, **action_json(event.pass_name, event.result), "line": line_of(event.result)}
    outcome = StepOutcome.FAILED if event.is_error else StepOutcome.DONE
    return {"at": at, "message": event.text, "outcome": outcome.value}


def _text(line: Mapping[str, object]) -> str:
    """Return the time of day with a message, a row of the journal, or an action of a pass."""
    clock = str(line["at"])[11:19]
    if "seq" in line:
        return entry_line(line, clock)
    return f"{clock} {one_line(str(line.get('message') or line['line']))}"


def _notify_systemd(state: str) -> None:
    """Send a state such as `READY=1` to the socket that systemd names (sd_notify(3)). Ignore errors."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
