"""What is known of the project, kept up to date: the board, what the passes said, what keeps both from being read."""

import time
from collections import deque
from collections.abc import Iterable
from datetime import timedelta

from huskies_cli.live.sections import Message
from huskies_cli.watch_loop import Line
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.dashboard import read_live, with_figures
from huskies_core.passes.due import config_stamp

FIGURES_SECS = 1.0
"""How often what live runs have printed and spent is looked at."""
AGES_SECS = 20.0
"""How often the rest is drawn anew without a change: it tells how long something lasts."""
SOON = timedelta(minutes=1)
"""Less is told in seconds."""
_MESSAGES = 50


class Current:
    """`live` is the board as it was read last, `messages` are what passes said, `trouble` is why it could not be read
    now. Raises HuskiesError where it cannot be read to begin with."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._revision = context.store.revision()
        self._stamp = config_stamp(str(context.project.state_dir))
        self._next_read = self._next_figures = 0.0
        self.live = read_live(context)
        self.messages: deque[Message] = deque(maxlen=_MESSAGES)
        self.problem = ""

    def renew(self, news: Iterable[Line]) -> bool:
        """Takes in what has changed in the store, what live runs have done, and what the passes tell; whether anything
        is to be drawn anew."""
        heard = [message for line in news if (message := _message(line)) is not None]
        self.messages.extend(heard)
        before = self.problem
        try:
            return self._read() or bool(heard or before)
        except HuskiesError as error:
            self.problem = error.message
            return self.problem != before

    def _read(self) -> bool:
        is_new = self._read_store()
        now = time.monotonic()
        if not is_new and now >= self._next_figures:
            self.live = with_figures(self._context, self.live)
            is_new = True
        if is_new:
            self._next_figures = now + (FIGURES_SECS if self._counts_seconds() else AGES_SECS)
        return is_new

    def _read_store(self) -> bool:
        """What takes long to read, where it changes without a pause, is read half of the time at most."""
        revision, began = self._context.store.revision(), time.monotonic()
        stamp = config_stamp(str(self._context.project.state_dir))
        is_same = (revision, stamp) == (self._revision, self._stamp) and not self.problem
        if is_same or began < self._next_read:
            return False
        if stamp != self._stamp:
            self._context.forget_config()
        self._stamp = stamp
        self.live = read_live(self._context)
        self._revision, self.problem = revision, ""
        self._next_read = 2 * time.monotonic() - began
        return True

    def _counts_seconds(self) -> bool:
        """Whether anything on the board tells seconds: a live run does, and a timer that is due soon."""
        soonest = [timer.fire_at - self._context.now() for timer in self.live.timers[:1]]
        return bool(self.live.runs) or any(left < SOON for left in soonest)


def _message(line: Line) -> Message | None:
    """What the journal tells is on the board already; what failed, and what was said, is not."""
    failed = line["outcome"] == "failed"
    if "seq" in line or not (failed or "message" in line):
        return None
    return Message(str(line["at"]), str(line.get("message") or line["line"]), is_failure=failed)
