"""The loop of the screen: it waits for a key or a change of the store, and draws what is different then."""

import time
from collections import deque
from datetime import datetime, timedelta

from huskies_cli import render
from huskies_cli.live.board_page import Screen, board_rows
from huskies_cli.live.columns import columns_of, find, step
from huskies_cli.live.help_page import help_rows
from huskies_cli.live.keys import Key, Press
from huskies_cli.live.log_page import LogPage
from huskies_cli.live.passing import Passing
from huskies_cli.live.sections import Message
from huskies_cli.live.terminal import Terminal
from huskies_cli.looping import Line
from huskies_cli.render import Row
from huskies_cli.session import Session
from huskies_core.agents.inside import refuse_inside_run
from huskies_core.context import Context, open_context
from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.passes.due import config_stamp
from huskies_core.tools.live import read_live, with_figures
from huskies_core.tools.pausing import is_paused, pause_starting, resume_starting

LOOK_SECS = 0.08
"""How often the store is asked whether it has changed."""
FIGURES_SECS = 1.0
"""How often what live runs have printed and spent is looked at."""
SOON = timedelta(minutes=1)
"""Less is told in seconds."""
AGES_SECS = 20.0
"""How often the rest is drawn anew without a change: it tells how long something lasts."""
PAUSE_WAIT_SECS = 1.0
"""How long `p` waits for the store: meanwhile the screen stands still."""
DIGITS = frozenset("0123456789")
_MESSAGES = 50
_DIGITS = 9


def look(session: Session, interval: float) -> None:
    """Shows the board and runs the passes until somebody leaves. Raises KeyboardInterrupt on Ctrl-C."""
    with open_context(session.start) as context:
        refuse_inside_run(context)
        looker = Looker(context, Terminal())
        with looker.terminal, Passing(session.start, interval) as passing:
            while not looker.has_left:
                looker.take_news(passing)
                looker.draw()
                for press in looker.terminal.pressed(LOOK_SECS):
                    looker.press(press)


class Looker:
    """What is on the screen: the board, a story's log or the keys. `typed` are the digits of a story's number."""

    def __init__(self, context: Context, terminal: Terminal) -> None:
        self.terminal = terminal
        self.has_left = False
        self._context = context
        self._name = context.project.root.name
        self._revision = context.store.revision()
        self._stamp = config_stamp(str(context.project.state_dir))
        self._live = read_live(context)
        self._selected: int | None = None
        self._typed = ""
        self._note = ""
        self._trouble = ""
        self._log: LogPage | None = None
        self._is_help = False
        self._messages: deque[Message] = deque(maxlen=_MESSAGES)
        self._is_stale = True
        self._next_figures = 0.0

    def take_news(self, passing: Passing) -> None:
        """What has changed in the store, what live runs have done, and what the passes complain of."""
        for line in passing.news():
            self._hear(line)
        try:
            self._refresh()
        except HuskiesError as error:
            self._is_stale |= self._trouble != error.message
            self._trouble = error.message

    def draw(self) -> None:
        if self._is_stale:
            self.terminal.show(render.rows(self._rows(self._context.now())))
        self._is_stale = False

    def press(self, press: Press) -> None:
        self._is_stale, self._note = True, ""
        match press:
            case Key.INTERRUPT:
                raise KeyboardInterrupt
            case Key.SUSPEND:
                self.terminal.suspend()
            case Key.REDRAW:
                self.terminal.forget()
            case _ if self._is_help:
                self._is_help = False
            case _ if self._log is not None:
                self._press_in_log(press)
            case _:
                self._press_on_board(press)

    def _refresh(self) -> None:
        revision, now = self._context.store.revision(), time.monotonic()
        stamp = config_stamp(str(self._context.project.state_dir))
        if stamp != self._stamp:
            self._context.forget_config()
        if (revision, stamp) != (self._revision, self._stamp) or self._trouble:
            self._stamp = stamp
            self._live = read_live(self._context)
            self._revision, self._trouble, self._is_stale = revision, "", True
        if now >= self._next_figures:
            self._live = with_figures(self._context, self._live)
            self._is_stale = True
        if self._log is not None:
            self._is_stale |= self._log.read()
        if self._is_stale:
            self._next_figures = now + (FIGURES_SECS if self._counts_seconds() else AGES_SECS)

    def _counts_seconds(self) -> bool:
        """Whether anything on the board tells seconds: a live run does, and a timer that is due soon."""
        soonest = [timer.fire_at - self._context.now() for timer in self._live.timers[:1]]
        return bool(self._live.runs) or any(left < SOON for left in soonest)

    def _hear(self, line: Line) -> None:
        """What the journal tells is on the board already; what failed, and what was said, is not."""
        failed = line["outcome"] == "failed"
        if "seq" not in line and (failed or "message" in line):
            text = str(line.get("message") or line["line"])
            self._messages.append(Message(str(line["at"]), text, is_failure=failed))
            self._is_stale = True

    def _rows(self, now: datetime) -> list[Row]:
        width, lines = self.terminal.size()
        if self._is_help:
            return help_rows(width, lines)
        if self._log is not None:
            return self._log.rows(width, lines, now)
        typed = f"story {self._typed}: Enter looks into its log, Esc forgets it" if self._typed else ""
        note = self._trouble or typed or self._note
        screen = Screen(width, lines, self._selected, note, tuple(self._messages))
        return board_rows(self._live, screen, self._name, now)

    def _press_on_board(self, press: Press) -> None:
        if press in DIGITS:
            self._typed = (self._typed + press)[:_DIGITS]
            return
        match press:
            case "q":
                self.has_left = True
            case "?":
                self._is_help = True
            case "p":
                self._turn_pause()
            case Key.ENTER:
                self._open_log()
            case Key.ESCAPE:
                self._typed = ""
            case Key.BACKSPACE:
                self._typed = self._typed[:-1]
            case _:
                self._selected = step(columns_of(self._live), self._selected, press)

    def _press_in_log(self, press: Press) -> None:
        assert self._log is not None
        if press in ("q", Key.ESCAPE, Key.LEFT, Key.BACKSPACE):
            self._log = None
        elif press == "?":
            self._is_help = True
        else:
            self._log.scroll(press)

    def _open_log(self) -> None:
        """Of the story whose number was typed, or else of the one that is selected."""
        spot = find(columns_of(self._live), self._selected)
        story = int(self._typed) if self._typed else spot.story.id if spot is not None else None
        self._typed = ""
        if story is None:
            self._note = "there is no story yet: huskies add makes one"
            return
        try:
            self._log = LogPage(self._context, story)
        except HuskiesError as error:
            self._note = error.message

    def _turn_pause(self) -> None:
        try:
            if is_paused(self._context):
                resume_starting(self._context, wait=PAUSE_WAIT_SECS)
            else:
                pause_starting(self._context, wait=PAUSE_WAIT_SECS)
        except LockBusy as error:
            self._note = f"{error.message}: press p again"
        except HuskiesError as error:
            self._note = f"{error.message}. {error.hint}"
