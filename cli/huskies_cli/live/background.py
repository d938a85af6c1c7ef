"""The passes of `watch` beside its screen: a tick that makes a worktree for a minute never keeps a key waiting."""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Self

from huskies_cli.project_context import open_context
from huskies_cli.relay_thread import Relaying
from huskies_cli.watch_loop import Line, Loop


class Passing:
    """A thread that ends with the process: what it was at is taken up by the next pass, as after any death.

    Used with `with`: what ends the thread meanwhile is raised where its news are asked for.
    """

    def __init__(self, start: Path, interval: float) -> None:
        self._start = start
        self._interval = interval
        self._lines: SimpleQueue[Line] = SimpleQueue()
        self._end: BaseException | None = None
        self._thread = threading.Thread(target=self._pass, name="passes", daemon=True)

    def __enter__(self) -> Self:
        self._hook = threading.excepthook
        threading.excepthook = self._note_end
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        threading.excepthook = self._hook

    def news(self) -> Iterator[Line]:
        """What it has told since it was last asked."""
        if self._end is not None:
            raise self._end
        while True:
            try:
                yield self._lines.get_nowait()
            except Empty:
                return

    def _pass(self) -> None:
        never = threading.Event()
        with open_context(self._start) as context:
            loop = Loop(context, Relaying(self._start, self._interval))
            self._tell(loop.start_up())
            while not never.wait(self._interval):
                self._tell(loop.tick())

    def _tell(self, lines: Iterator[Line]) -> None:
        for line in lines:
            self._lines.put(line)

    def _note_end(self, args: threading.ExceptHookArgs) -> None:
        if args.thread is self._thread:
            self._end = args.exc_value
        else:
            self._hook(args)
