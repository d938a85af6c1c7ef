from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations import audit, history
from huskies_core.operations.history import Selection
from huskies_core.operations.moves import freeze_story, unfreeze_story
from huskies_core.operations.stories import create
from huskies_core.passes.audit_log import AUDIT_LOG
from huskies_core.passes.pass_runner import run_pass
from huskies_core.store import journal
from huskies_core.store.journal import JournalEntry, JournalKind
from support.drafts import draft


@pytest.fixture
def log(context: Context) -> Path:
    """Write the log of a story that was started and frozen."""
    create(context, draft(), start=True)
    freeze_story(context, StoryId(1))
    run_pass(context, AUDIT_LOG)
    return context.project.audit_log


def seqs(entries: Iterator[JournalEntry]) -> list[int]:
    return [entry.seq for entry in entries]


def test_a_project_without_a_log_has_no_lines(context: Context) -> None:
    assert list(audit.read(context.project)) == []


@pytest.mark.usefixtures("log")
def test_the_log_equals_the_journal_from_any_position(context: Context) -> None:
    assert tuple(audit.read(context.project)) == history.read(context, Selection())
    assert seqs(audit.read(context.project, 2)) == [3]


@pytest.mark.usefixtures("log")
def test_the_log_has_actions_of_timers_and_triggers_but_not_of_runs(context: Context) -> None:
    with context.store.exclusive() as db:
        for kind in (JournalKind.TIMER, JournalKind.RUN, JournalKind.TRIGGER):
            journal.append(db, kind, "fired", actor="pass:test", now=context.now())
    run_pass(context, AUDIT_LOG)
    assert seqs(audit.read(context.project, 3)) == [4, 6]


def test_an_incomplete_line_is_read_when_it_is_complete(context: Context, log: Path) -> None:
    whole = log.read_bytes()
    log.write_bytes(whole[:-10])
    rows = audit.follow(context.project, 0, lambda: log.write_bytes(whole))
    assert seqs(islice(rows, 2)) == [2, 3]


def test_a_replaced_log_is_followed_without_repeated_rows(context: Context, log: Path) -> None:
    def begin_anew() -> None:
        log.rename(log.with_suffix(".old"))
        unfreeze_story(context, StoryId(1))
        run_pass(context, AUDIT_LOG)

    assert seqs(islice(audit.follow(context.project, 0, begin_anew), 3)) == [2, 3, 4]


def test_a_log_that_is_created_later_is_followed(context: Context) -> None:
    def begin() -> None:
        create(context, draft(), start=True)
        run_pass(context, AUDIT_LOG)

    assert seqs(islice(audit.follow(context.project, 0, begin), 1)) == [2]


@pytest.mark.parametrize("line", ["no JSON", "[]", '{"seq": 9}', '{"kind": "transition", "more": 1}'])
def test_an_invalid_line_is_an_error(context: Context, log: Path, line: str) -> None:
    with log.open("a") as stream:
        stream.write(f"{line}\n")
    with pytest.raises(HuskiesError) as refused:
        list(audit.read(context.project))
    assert refused.value.code == "audit_damaged"
