"""`huskies audit`: the audit log, in the form of the history."""

import threading
from collections.abc import Iterator

from huskies_cli.command import Outcome, own_command
from huskies_cli.commands.history import POLL_SECS, After, Follow
from huskies_cli.journal_lines import entry_line
from huskies_cli.output import Result, Stream
from huskies_cli.session import Session
from huskies_core.ids import JOURNAL_START
from huskies_core.operations import audit
from huskies_core.operations.history import entry_json
from huskies_core.operations.operation import STORIES, Command
from huskies_core.project import Project, find_project


@own_command(Command("audit", STORIES))
def show_audit(session: Session, *, follow: Follow = False, after: After = JOURNAL_START) -> Outcome:
    """Show the audit log.

    It has a line for each transition, and for each action of timers and triggers, in the form of 'huskies history'. It
    ends at the last run of the pass audit-log. With --json and --follow each line is one object.
    """
    project = find_project(session.start)
    if follow:
        return Stream(_follow(project, after), entry_line)
    rows = [entry_json(entry) for entry in audit.read(project, after)]
    return Result({"transitions": rows}, text=lambda: "\n".join(map(entry_line, rows)))


def _follow(project: Project, after: int) -> Iterator[dict[str, object]]:
    never = threading.Event()
    for entry in audit.follow(project, after, lambda: never.wait(POLL_SECS)):
        yield entry_json(entry)
