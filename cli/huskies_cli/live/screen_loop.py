"""The loop of the screen: wait for a key or a change of the store, then draw the lines that changed."""

from collections.abc import Iterable
from datetime import datetime

from huskies_cli import render
from huskies_cli.live.board_page import Screen, board_rows
from huskies_cli.live.columns import columns_of, find, step
from huskies_cli.live.current import Current, PassThread
from huskies_cli.live.help_page import HelpPage
from huskies_cli.live.keys import Key, Press
from huskies_cli.live.log_page import LogPage
from huskies_cli.live.terminal import Terminal
from huskies_cli.render import Row
from huskies_cli.session import Session
from huskies_core.context import Context
from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.ids import StoryId
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.pause import is_paused, pause_starting, resume_starting
from huskies_core.passes.watch_loop import LoopEvent

CHECK_SECS = 0.08
"""The seconds between two checks whether the store has changed."""
PAUSE_WAIT_SECS = 1.0
"""How long `p` waits for the lock of the store, with the screen blocked."""
DIGITS = frozenset("0123456789")
_DIGITS = 9


def show_board(session: Session, interval: float) -> None:
    """Show the board and run the passes until `q` is pressed. Raise KeyboardInterrupt on Ctrl-C."""
    with session.open() as context:
        refuse_inside_run(context)
        pages = Pages(context, Terminal())
        with pages.terminal, PassThread(session.start, interval) as passes:
            while not pages.has_quit:
                pages.update(passes.take_events())
                pages.draw()
                for press in pages.terminal.pressed(CHECK_SECS):
                    pages.press(press)


class Pages:
    """The pages of the screen: the board, the log of a story, and the help. Only one is shown.

    `_typed` are the digits of a story's number so far.
    """

    def __init__(self, context: Context, terminal: Terminal) -> None:
        self.terminal = terminal
        self.has_quit = False
        self._context = context
        self._name = context.project.root.name
        self._current = Current(context)
        self._selected: StoryId | None = None
        self._typed = ""
        self._note = ""
        self._log: LogPage | None = None
        self._help: HelpPage | None = None
        self._is_stale = True

    def update(self, events: Iterable[LoopEvent]) -> None:
        self._is_stale |= self._current.update(events)
        if self._log is not None:
            self._is_stale |= self._log.read()

    def draw(self) -> None:
        if self._is_stale:
            width, lines = self.terminal.size()
            self.terminal.show(render.rows(self._rows(width, lines, self._context.now()), width))
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
            case _ if self._help is not None:
                self._help = self._help if self._help.scroll(press) else None
            case "?":
                self._help = HelpPage()
            case "q" | Key.ESCAPE | Key.LEFT | Key.BACKSPACE if self._log is not None:
                self._log = None
            case _ if self._log is not None:
                self._log.scroll(press)
            case _:
                self._press_on_board(press)

    def _rows(self, width: int, lines: int, now: datetime) -> list[Row]:
        if self._help is not None:
            return self._help.rows(width, lines)
        if self._log is not None:
            return self._log.rows(width, lines, now)
        typed = f"story {self._typed}: Enter shows its log, Esc clears the number" if self._typed else ""
        note = self._current.error or typed or self._note
        screen = Screen(width, lines, self._selected, note, tuple(self._current.messages))
        return board_rows(self._current.live, screen, self._name, now)

    def _press_on_board(self, press: Press) -> None:
        if press in DIGITS:
            self._typed = (self._typed + press)[:_DIGITS]
            return
        match press:
            case "q":
                self.has_quit = True
            case "p":
                self._toggle_pause()
            case Key.ENTER:
                self._open_log()
            case Key.ESCAPE:
                self._typed = ""
            case Key.BACKSPACE:
                self._typed = self._typed[:-1]
            case _:
                self._selected = step(columns_of(self._current.live), self._selected, press)

    def _open_log(self) -> None:
        """Show the log of the story with the typed number, else of the selected story."""
        spot = find(columns_of(self._current.live), self._selected)
        story = StoryId(int(self._typed)) if self._typed else spot.story.id if spot is not None else None
        self._typed = ""
        if story is None:
            self._note = "no story exists yet: huskies add creates one"
            return
        try:
            self._log = LogPage(self._context, story)
        except HuskiesError as error:
            self._note = error.message

    def _toggle_pause(self) -> None:
        try:
            toggle = resume_starting if is_paused(self._context) else pause_starting
            toggle(self._context, wait=PAUSE_WAIT_SECS)
        except LockBusy as error:
            self._note = f"{error.message}: press p again"
        except HuskiesError as error:
            self._note = f"{error.message}. {error.hint}"
