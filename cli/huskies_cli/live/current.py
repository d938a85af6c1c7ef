"""The state of the project for the screen: the board, the messages of the passes, and the error of the last read."""

import time
from collections import deque
from collections.abc import Iterable
from datetime import timedelta

from huskies_cli.reports import line_of
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.dashboard import read_live, with_figures
from huskies_core.passes.due import config_stamp
from huskies_core.passes.watch_loop import LoopEvent, Message, PassStep

FIGURES_SECS = 1.0
"""The seconds between two reads of the output and the cost of live runs."""
AGES_SECS = 20.0
"""The seconds between two drawings without a change: they update the ages."""
SOON = timedelta(minutes=1)
"""Shorter times are shown in seconds."""
_MESSAGES = 50


class Current:
    """`live` is the last board that was read, and `messages` are those of the passes. `error` is empty unless the
    board cannot be read now. Raise HuskiesError if the first read fails."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._revision = context.store.revision()
        self._stamp = config_stamp(str(context.project.state_dir))
        self._next_read = self._next_figures = 0.0
        self.live = read_live(context)
        self.messages: deque[Message] = deque(maxlen=_MESSAGES)
        self.error = ""

    def update(self, events: Iterable[LoopEvent]) -> bool:
        """Read the changes of the store, the figures of live runs and the events of the passes, and return whether the
        screen must be drawn again."""
        messages = [message for event in events if (message := _message(event)) is not None]
        self.messages.extend(messages)
        before = self.error
        try:
            return self._read() or bool(messages or before)
        except HuskiesError as error:
            self.error = error.message
            return self.error != before

    def _read(self) -> bool:
        has_changed = self._read_store()
        now = time.monotonic()
        if not has_changed and now >= self._next_figures:
            self.live = with_figures(self._context, self.live)
            has_changed = True
        if has_changed:
            self._next_figures = now + (FIGURES_SECS if self._shows_seconds() else AGES_SECS)
        return has_changed

    def _read_store(self) -> bool:
        """Read the board if the store or the configuration changed. Reading takes at most half of the time."""
        revision, began = self._context.store.revision(), time.monotonic()
        stamp = config_stamp(str(self._context.project.state_dir))
        is_same = (revision, stamp) == (self._revision, self._stamp) and not self.error
        if is_same or began < self._next_read:
            return False
        if stamp != self._stamp:
            self._context.forget_config()
        self._stamp = stamp
        self.live = read_live(self._context)
        self._revision, self.error = revision, ""
        self._next_read = 2 * time.monotonic() - began
        return True

    def _shows_seconds(self) -> bool:
        """Return whether the board shows a time in seconds: of a live run, or of a timer that is due soon."""
        waits = [timer.fire_at - self._context.now() for timer in self.live.timers[:1]]
        return bool(self.live.runs) or any(wait < SOON for wait in waits)


def _message(event: LoopEvent) -> Message | None:
    """Return a message or a failed step as a message. The board already shows the transitions."""
    if isinstance(event, Message):
        return event
    if isinstance(event, PassStep) and event.is_error:
        return Message(event.at, line_of(event.result), is_error=True)
    return None
