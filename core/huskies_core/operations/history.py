"""Read the transitions, or all rows, of the journal once, or follow them."""

from collections.abc import Callable, Iterator
from typing import Annotated

from msgspec import Struct
from msgspec.structs import replace

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.ids import JOURNAL_START, Seq, StoryId
from huskies_core.operations.common_arguments import OptionalStoryArgument
from huskies_core.operations.operation import operation
from huskies_core.operations.record_json import entry_json
from huskies_core.store import journal, stories
from huskies_core.store.connection import Connection
from huskies_core.store.journal import JournalEntry, JournalKind

BATCH = 1000
MOST_ROWS = 100


class Selection(Struct, frozen=True):
    """Rows after the position `after`, of one story or of all; transitions, or every kind."""

    story: StoryId | None = None
    after: Seq = JOURNAL_START
    every_kind: bool = False


@operation("history", json=lambda rows: {"transitions": list(map(entry_json, rows))})
def latest(
    context: Context,
    story: OptionalStoryArgument = None,
    after: Annotated[
        Seq, Argument("Only rows after this position (the seq of a row).", least=0)
    ] = JOURNAL_START,
    *,
    every_kind: Annotated[
        bool, Argument("Every row: edits, runs and worktrees, not only transitions.", name="all")
    ] = False,
    count: Annotated[
        int, Argument("The number of latest rows to show; 0 shows all.", least=0, name="latest")
    ] = MOST_ROWS,
) -> tuple[JournalEntry, ...]:
    """Show transitions, oldest first.

    Each row contains the story, the stages before and after, the event, the actor and the reason.
    """
    return read(context, Selection(story, after, every_kind))[-count:]


def read(context: Context, selection: Selection) -> tuple[JournalEntry, ...]:
    """Return the rows, oldest first. Raise HuskiesError `not_found` if there is no such story."""
    with context.store.reading() as db:
        if selection.story is not None:
            stories.load(db, selection.story)
        return tuple(entries(db, selection))


def follow(context: Context, selection: Selection, pause: Callable[[], object]) -> Iterator[JournalEntry]:
    """Yield the rows, then new ones without end; call `pause` when there are no new ones."""
    while True:
        with context.store.reading() as db:
            head, rows = journal.head(db), read(context, selection)
        yield from rows
        selection = replace(selection, after=max(selection.after, head))
        pause()


def entries(db: Connection, selection: Selection) -> Iterator[JournalEntry]:
    """Yield the rows of an existing story or of all, oldest first."""
    seq = selection.after
    while True:
        if selection.story is None and not selection.every_kind:
            batch = journal.transitions_after(db, seq, BATCH)
        else:
            batch = journal.entries_after(db, seq, story=selection.story, limit=BATCH)
        yield from (entry for entry in batch if selection.every_kind or entry.kind is JournalKind.TRANSITION)
        if len(batch) < BATCH:
            return
        seq = batch[-1].seq
