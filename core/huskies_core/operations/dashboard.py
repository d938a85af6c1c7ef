"""What a screen shows that is looked at all the time: the board, what comes next and what just happened."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from huskies_core.context import Context
from huskies_core.operations.board import Board, read_board
from huskies_core.operations.output import last_line
from huskies_core.operations.runs import RunNow, as_now
from huskies_core.store import journal, pauses, stories, timers
from huskies_core.store.journal import JournalEntry, JournalKind
from huskies_core.store.pauses import Pause
from huskies_core.store.stories import Story
from huskies_core.store.timers import Timer
from huskies_core.supervisor.run_directory import RunDirectory

MOST = 60
"""Rows of each kind that are read: no screen is higher."""
_TOLD = (JournalKind.TRANSITION, JournalKind.RUN, JournalKind.TIMER, JournalKind.TRIGGER, JournalKind.QUEUE)


@dataclass(frozen=True)
class LiveRun:
    """A live run, and the last line that it printed: of the first `MOST` of them only."""

    now: RunNow
    last_line: str


@dataclass(frozen=True)
class Live:
    """`done` has the latest first, `timers` the soonest, `feed` the oldest; `pause` is on while it is set."""

    board: Board
    runs: Sequence[LiveRun]
    done: Sequence[Story]
    timers: Sequence[Timer]
    feed: Sequence[JournalEntry]
    pause: Pause | None


def read_live(context: Context) -> Live:
    """All of it at one moment. Raises HuskiesError where the store cannot be read."""
    with context.store.reading() as db:
        board = read_board(context)
        return Live(
            board,
            _live_runs(context, board.runs),
            stories.latest_done(db, MOST),
            timers.soonest(db, MOST),
            journal.latest(db, _TOLD, MOST),
            pauses.get(db),
        )


def with_figures(context: Context, live: Live) -> Live:
    """The same with what its runs have printed and spent since; the store is not asked."""
    shown = [as_now(context.project, one.now.run) for one in live.runs[:MOST]]
    return replace(live, runs=(*_live_runs(context, shown), *live.runs[MOST:]))


def _live_runs(context: Context, found: Sequence[RunNow]) -> tuple[LiveRun, ...]:
    shown = (
        LiveRun(now, last_line(RunDirectory(context.project.run_dir(now.run.id)), now.run))
        for now in found[:MOST]
    )
    return (*shown, *(LiveRun(now, "") for now in found[MOST:]))
