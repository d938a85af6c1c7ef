"""The state of the project for the screen: the passes in a thread, so that a slow pass does not delay a key, and the
board with their messages."""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from huskies_cli.project_context import open_context
from huskies_cli.reports import line_of
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.dashboard import read_live, with_figures
from huskies_core.passes.due import config_stamp
from huskies_core.passes.watch_loop import LoopEvent, LoopMessage, PassStep, WatchLoop

FIGURES_SECS = 1.0
"""The seconds between two reads of the output and the cost of live runs."""
AGES_SECS = 20.0
"""The seconds between two drawings without a change: they update the ages."""
SOON = timedelta(minutes=1)
"""Shorter times are shown in seconds."""
_MESSAGES = 50


class PassThread:
    """A thread that ends with the process; the next pass finishes what it began. Use it as a context manager.

    `take_events` raises the exception that ended the thread.
    """

    def __init__(self, start: Path, interval: float) -> None:
        self._start = start
        self._interval = interval
        self._events: SimpleQueue[LoopEvent] = SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="passes", daemon=True)

    def __enter__(self) -> Self:
        self._hook = threading.excepthook
        threading.excepthook = self._note_error
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        threading.excepthook = self._hook

    def take_events(self) -> Iterator[LoopEvent]:
        """Yield the events since the last call."""
        if self._error is not None:
            raise self._error
        while not self._events.empty():
            yield self._events.get_nowait()

    def _run(self) -> None:
        never = threading.Event()
        with open_context(self._start) as context:
            loop = WatchLoop(context, self._start, self._interval)
            self._put(loop.start_up())
            while not never.wait(self._interval):
                self._put(loop.tick())

    def _put(self, events: Iterable[LoopEvent]) -> None:
        for event in events:
            self._events.put(event)

    def _note_error(self, args: threading.ExceptHookArgs) -> None:
        if args.thread is self._thread:
            self._error = args.exc_value
        else:
            self._hook(args)


class Current:
    """The current board. `live` is the last board that was read, and `messages` are those of the passes.

    `error` is empty unless the board cannot be read now. Raise HuskiesError if the first read fails.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._state = self._read_state()
        self._next_read = self._next_figures = 0.0
        self.live = read_live(context)
        self.messages: deque[LoopMessage] = deque(maxlen=_MESSAGES)
        self.error = ""

    def update(self, events: Iterable[LoopEvent]) -> bool:
        """Read the changes of the store, the figures of live runs and the events of the passes, and return whether the
        screen must be drawn again."""
        messages = list(_messages(events))
        self.messages.extend(messages)
        before = self.error
        try:
            return self._read() or bool(messages or before)
        except HuskiesError as error:
            self.error = error.message
            return self.error != before

    def _read(self) -> bool:
        has_changed = self._read_board()
        now = time.monotonic()
        if not has_changed and now >= self._next_figures:
            self.live = with_figures(self._context, self.live)
            has_changed = True
        if has_changed:
            # Live runs, and a timer that is due soon, have a time in seconds on the board.
            is_soon = any(timer.fire_at - self._context.now() < SOON for timer in self.live.timers[:1])
            self._next_figures = now + (FIGURES_SECS if self.live.runs or is_soon else AGES_SECS)
        return has_changed

    def _read_board(self) -> bool:
        """Read the board if the store or the configuration changed. Reading takes at most half of the time."""
        state, began = self._read_state(), time.monotonic()
        if (state == self._state and not self.error) or began < self._next_read:
            return False
        if state[1] != self._state[1]:
            self._context.forget_config()
        # A board that cannot be read is tried again because of `error`.
        self._state = state
        self.live = read_live(self._context)
        self.error = ""
        self._next_read = 2 * time.monotonic() - began
        return True

    def _read_state(self) -> tuple[object, object]:
        """Return the revision of the store and the stamp of the configuration."""
        return self._context.store.revision(), config_stamp(str(self._context.project.state_dir))


def _messages(events: Iterable[LoopEvent]) -> Iterator[LoopMessage]:
    """Yield the messages, and the failed steps as messages. The board already shows the transitions."""
    for event in events:
        if isinstance(event, LoopMessage):
            yield event
        elif isinstance(event, PassStep) and event.is_error:
            yield LoopMessage(event.at, line_of(event.result), is_error=True)
