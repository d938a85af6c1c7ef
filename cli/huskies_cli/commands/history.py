"""`huskies history`: transitions in order, or every row of the journal."""

import threading
from collections.abc import Iterator
from typing import Annotated

from huskies_cli.command import Outcome, own_command
from huskies_cli.journal_lines import entry_line
from huskies_cli.output import Result, Stream
from huskies_cli.session import Session
from huskies_core.argument import Argument, parse_count
from huskies_core.ids import JOURNAL_START, Seq
from huskies_core.operations import history
from huskies_core.operations.common_arguments import OptionalStoryArgument
from huskies_core.operations.history import Selection, entry_json
from huskies_core.operations.operation import STORIES, Command

POLL_SECS = 0.2

Everything = Annotated[bool, Argument("Every row: edits, runs and worktrees, too.", flags=("--all",))]
Follow = Annotated[bool, Argument("Continue with new rows.", flags=("--follow", "-f"))]
After = Annotated[Seq, Argument("Only rows after this position.", metavar="SEQ", parse=parse_count)]


@own_command(Command("history", STORIES))
def show_history(
    session: Session,
    story: OptionalStoryArgument = None,
    *,
    everything: Everything = False,
    follow: Follow = False,
    after: After = JOURNAL_START,
) -> Outcome:
    """Show transitions in order.

    Each line is a transition: the time, the story, the stages before and after, the event, the actor and the reason.
    With --json and --follow each line is one object.
    """
    selection = Selection(story, after, everything)
    if follow:
        return Stream(_follow(session, selection), entry_line)
    with session.open() as context:
        rows = [entry_json(entry) for entry in history.read(context, selection)]
    return Result({"transitions": rows}, text=lambda: "\n".join(map(entry_line, rows)))


def _follow(session: Session, selection: Selection) -> Iterator[dict[str, object]]:
    never = threading.Event()
    with session.open() as context:
        for entry in history.follow(context, selection, lambda: never.wait(POLL_SECS)):
            yield entry_json(entry)
