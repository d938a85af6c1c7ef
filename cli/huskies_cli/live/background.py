"""The passes of `watch` in a thread beside the screen, so that a slow pass does not delay a key."""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Self

from huskies_cli.project_context import open_context
from huskies_core.passes.watch_loop import LoopEvent, WatchLoop


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
        while True:
            try:
                yield self._events.get_nowait()
            except Empty:
                return

    def _run(self) -> None:
        never = threading.Event()
        with open_context(self._start) as context:
            loop = WatchLoop(context, self._start, self._interval)
            self._put(loop.start_up())
            while not never.wait(self._interval):
                self._put(loop.tick())

    def _put(self, events: Iterator[LoopEvent]) -> None:
        for event in events:
            self._events.put(event)

    def _note_error(self, args: threading.ExceptHookArgs) -> None:
        if args.thread is self._thread:
            self._error = args.exc_value
        else:
            self._hook(args)
