"""The data of the live board: the board, finished stories, the next timers and recent events."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

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


class Live(Struct, frozen=True):
    """The data at one moment. `done` begins with the latest, `timers` with the soonest, `feed` with the oldest.

    The first `MOST` of the runs have their last line of output.
    """

    board: Board
    runs: Sequence[RunNow]
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
            _with_last_lines(context, board.runs),
            stories.latest_done(db, MOST),
            timers.soonest(db, MOST),
            journal.latest(db, _SHOWN, MOST),
            pauses.get(db),
        )


def with_figures(context: Context, live: Live) -> Live:
    """Return `live` with the current output and usage of its runs; the store is not read."""
    shown = [as_now(context.project, now.run) for now in live.runs[:MOST]]
    return replace(live, runs=_with_last_lines(context, (*shown, *live.runs[MOST:])))


def _with_last_lines(context: Context, runs: Sequence[RunNow]) -> tuple[RunNow, ...]:
    def with_last_line(now: RunNow) -> RunNow:
        directory = RunDirectory(context.project.run_dir(now.run.id))
        return replace(now, last_line=last_line(directory, now.run))

    return (*map(with_last_line, runs[:MOST]), *runs[MOST:])
