"""The data of the live board: the board, finished stories, the next timers and recent events."""

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
"""The most rows of each kind. No screen has more lines."""
_SHOWN = (JournalKind.TRANSITION, JournalKind.RUN, JournalKind.TIMER, JournalKind.TRIGGER, JournalKind.QUEUE)


@dataclass(frozen=True)
class LiveRun:
    """A live run with its last line of output, which only the first `MOST` have."""

    now: RunNow
    last_line: str


@dataclass(frozen=True)
class Live:
    """The data at one moment. `done` begins with the latest, `timers` with the soonest, `feed` with the oldest."""

    board: Board
    runs: Sequence[LiveRun]
    done: Sequence[Story]
    timers: Sequence[Timer]
    feed: Sequence[JournalEntry]
    pause: Pause | None


def read_live(context: Context) -> Live:
    """Read everything in one transaction. Raise HuskiesError if the store cannot be read."""
    with context.store.reading() as db:
        board = read_board(context)
        return Live(
            board,
            _live_runs(context, board.runs),
            stories.latest_done(db, MOST),
            timers.soonest(db, MOST),
            journal.latest(db, _SHOWN, MOST),
            pauses.get(db),
        )


def with_figures(context: Context, live: Live) -> Live:
    """Return `live` with the current output and usage of its runs; the store is not read."""
    shown = [as_now(context.project, item.now.run) for item in live.runs[:MOST]]
    return replace(live, runs=(*_live_runs(context, shown), *live.runs[MOST:]))


def _live_runs(context: Context, runs: Sequence[RunNow]) -> tuple[LiveRun, ...]:
    shown = (
        LiveRun(now, last_line(RunDirectory(context.project.run_dir(now.run.id)), now.run))
        for now in runs[:MOST]
    )
    return (*shown, *(LiveRun(now, "") for now in runs[MOST:]))
