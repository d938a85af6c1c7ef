"""Inconsistencies of the store."""

import json

import pytest

from huskies_core.context import Context
from huskies_core.doctor.installation import check_store
from huskies_core.ids import Seq
from huskies_core.pipeline.events import Start
from huskies_core.store import journal
from support.checks import fixed, problems, problems_of
from support.stories import add_story, apply_to_story


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("stage = 'qa'", "story 1 is in qa, the journal has coding"),
        ("visit = 1", "story 1 is not in the stage of its later journal row 2"),
        (
            "stage_entered_at = '2020'",
            "story 1 entered its stage at 2020, the journal has 2026-03-01T12:00:00.000Z",
        ),
        ("visit = 3", "story 1 has no journal row for its stage"),
    ],
)
def test_a_story_that_contradicts_the_journal_is_named(context: Context, change: str, problem: str) -> None:
    add_story(context.store)
    apply_to_story(context.store, 1, Start())
    add_story(context.store)
    assert problems_of(check_store, context) == {}
    with context.store.exclusive() as db:
        db.execute(f"UPDATE stories SET {change} WHERE id = 1")
    assert problems_of(check_store, context) == {"journal": problem}
    assert [check.repair for check in check_store(context) if check.problem] == [None]


def test_cursors_beyond_the_journal_are_moved_to_its_end(context: Context) -> None:
    add_story(context.store)
    with context.store.exclusive() as db:
        journal.move_cursor(db, "relay", Seq(50))
        journal.move_cursor(db, "auto-assign", Seq(1))
    assert problems_of(check_store, context) == {"cursors": "cursor relay is at 50, the journal ends at 1"}
    assert fixed(context) == {"cursors": "the cursors continue at the end of the journal"}
    with context.store.reading() as db:
        assert (journal.cursor(db, "relay"), journal.cursor(db, "auto-assign")) == (1, 1)
    assert fixed(context) == {}


def test_a_counter_that_would_repeat_a_number_is_named(context: Context) -> None:
    add_story(context.store)
    with context.store.exclusive() as db:
        db.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'journal'")
    assert problems_of(check_store, context) == {"counters": "the counter of journal is 0, but 1 exists"}


def test_an_audit_log_beyond_the_journal_is_a_problem(context: Context) -> None:
    add_story(context.store)
    context.project.audit_log.write_text(json.dumps({"seq": 9}) + "\n")
    with context.store.reading() as db:
        head = journal.head(db)
    fact = f"the log ends at 9, the journal at {head}: nothing is added until the journal passes 9"
    assert problems(context) == {"audit log": fact}
    context.project.audit_log.write_text("not ours\n")
    assert problems(context) == {"audit log": "the last line is not valid"}
