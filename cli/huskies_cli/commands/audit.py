"""`huskies audit`: the audit log, in the form of the history."""

import threading
from collections.abc import Iterator

import typer

from huskies_cli.commands.history import POLL_SECS, After, Follow
from huskies_cli.journal_lines import entry_line
from huskies_cli.output import Result, Stream
from huskies_cli.session import session_of
from huskies_core.operations import audit
from huskies_core.operations.documents import Document, entry_document
from huskies_core.project import Project, find_project


def show_audit(ctx: typer.Context, follow: Follow = False, after: After = 0) -> Result | Stream:
    """Show the audit log.

    One line for each transition and for what timers and triggers did, as 'huskies history' shows them. The log ends
    where the pass audit-log last got to. With --json and --follow each is one object on its own line.
    """
    project = find_project(session_of(ctx).start)
    if follow:
        return Stream(_follow(project, after), entry_line)
    rows = [entry_document(entry) for entry in audit.read(project, after)]
    return Result({"transitions": rows}, text=lambda: "\n".join(map(entry_line, rows)))


def _follow(project: Project, after: int) -> Iterator[Document]:
    never = threading.Event()
    for entry in audit.follow(project, after, lambda: never.wait(POLL_SECS)):
        yield entry_document(entry)
