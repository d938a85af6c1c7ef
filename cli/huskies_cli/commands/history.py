"""`huskies history` and `huskies audit`: rows of the journal, and of the audit log in the same form."""

import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated

from huskies_cli.command import Outcome, own_command
from huskies_cli.journal_lines import entry_line
from huskies_cli.output import Result, Stream
from huskies_cli.session import Session
from huskies_core.argument import Argument, parse_count
from huskies_core.ids import JOURNAL_START, Seq
from huskies_core.operations import history
from huskies_core.operations.common_arguments import OptionalStoryArgument
from huskies_core.operations.history import Selection
from huskies_core.operations.operation import STORIES, Command
from huskies_core.operations.record_json import entry_json
from huskies_core.store.journal import JournalEntry

POLL_SECS = 0.2

Everything = Annotated[bool, Argument("All rows, including edits, runs and worktrees.", flags=("--all",))]
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
    With --json and --follow, each line is a JSON object.
    """
    return _outcome(_rows(session, Selection(story, after, everything), follow=follow), follow=follow)


@own_command(Command("audit", STORIES))
def show_audit(session: Session, *, follow: Follow = False, after: After = JOURNAL_START) -> Outcome:
    """Show the audit log.

    The log contains a line for each transition, and for each action of a timer or trigger, in the format of 'huskies
    history'. It ends at the last run of the pass audit-log. With --json and --follow, each line is a JSON object.
    """
    from huskies_core.operations import audit
    from huskies_core.project import find_project

    project = find_project(session.start)
    return _outcome(
        audit.follow(project, after, _pause()) if follow else audit.read(project, after), follow=follow
    )


def _rows(session: Session, selection: Selection, *, follow: bool) -> Iterator[JournalEntry]:
    with session.open() as context:
        yield from (
            history.follow(context, selection, _pause()) if follow else history.read(context, selection)
        )


def _pause() -> partial[bool]:
    return partial(threading.Event().wait, POLL_SECS)


def _outcome(rows: Iterable[JournalEntry], *, follow: bool) -> Outcome:
    objects = map(entry_json, rows)
    if follow:
        return Stream(objects, entry_line)
    transitions = list(objects)
    return Result({"transitions": transitions}, text=lambda: "\n".join(map(entry_line, transitions)))
